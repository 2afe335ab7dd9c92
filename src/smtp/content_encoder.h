#pragma once

#include <string_view>
#include <vector>

namespace smtp {

/// Makes of content what a client sends after the 354 to DATA: doubles the dot at the start of a
/// line, ends the last line, adds the final dot [RFC5321 4.5.2]. Copies nothing: its spans refer to
/// the pieces, or to constants.
///
/// Content may come in pieces cut anywhere. A bare CR or LF does not end a line; the server must
/// not be led to believe that it does, so ask has_bare_cr_or_lf() before the spans of finish()
/// leave.
class ContentEncoder {
 public:
  /// Appends the spans for the next piece to `out`.
  void encode(std::string_view piece, std::vector<std::string_view>& out);

  /// Appends what comes after the last piece: CRLF if the last line has none, then the final dot.
  void finish(std::vector<std::string_view>& out);

  [[nodiscard]] bool has_bare_cr_or_lf() const { return bare_; }

 private:
  bool line_start_ = true;
  bool after_cr_ = false;
  bool bare_ = false;
};

}  // namespace smtp
