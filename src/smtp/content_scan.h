#pragma once

#include <cstddef>
#include <string_view>

namespace smtp {

/// How far a run of content goes that can be taken as it is.
struct LineScan {
  std::size_t end = 0;      ///< Before a dot at the start of a line, or the end of the text.
  bool line_start = false;  ///< A CRLF stands before `end`.
  bool after_cr = false;    ///< A CR stands before `end`, which is the end of the text.
  bool bare = false;        ///< A CR or LF on its own was met on the way.
};

/// Scans `text` from `start`, which is no dot at the start of a line. At least one octet is taken.
[[nodiscard]] LineScan scan_lines(std::string_view text, std::size_t start);

/// Looks for a CR or LF on its own in content that comes in any pieces.
class BareScan {
 public:
  void take(std::string_view text);
  /// No more comes: a CR that waits for its LF is bare, too.
  void end() { found_ = found_ || after_cr_; }
  [[nodiscard]] bool found() const { return found_; }

 private:
  bool after_cr_ = false;
  bool found_ = false;
};

}  // namespace smtp
