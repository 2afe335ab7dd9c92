#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "delivery/maildir_content.h"

// How a message stands in an mbox file.
namespace delivery {

/// The line before a message, with its line end:
///
///     From ann@a.example Wed Nov 25 08:41:07 2026        [RFC4155 A]
///
/// `sender` is an address, or empty: then MAILER-DAEMON stands there. Spaces and controls in it
/// become `_`, since readers look for the date behind the second space. `received` is when we took
/// the message, in UTC, so that a repeated delivery writes the same octets.
[[nodiscard]] std::string mbox_separator(std::string_view sender, base::WallTime received);

/// Content with LF line ends and a blank line at its end, block by block. A line that begins with
/// any number of `>` and `From ` gets one `>` more ("mboxrd"), so that readers can undo it, and no
/// line of the content is taken for the beginning of a message.
class MboxContent {
 public:
  /// `pieces`, with CRLF line ends, and what they refer to must outlive it.
  explicit MboxContent(const std::vector<std::string_view>& pieces) : content_(pieces) {}

  /// Puts the next octets into `block`. False when there is nothing left.
  [[nodiscard]] bool next(std::string& block);

 private:
  void quote(std::string& out);
  void end_prefix(std::string& out);

  LfContent content_;
  std::string unquoted_;
  /// Of a line that may be about to be a From_ line: what has been seen and not been given yet.
  std::size_t quotes_ = 0;
  std::size_t matched_ = 0;
  bool at_line_start_ = true;
  bool ended_ = false;
};

/// Separator and content in one: for what is small.
[[nodiscard]] std::string mbox_text(const std::string& separator,
                                    const std::vector<std::string_view>& pieces);

}  // namespace delivery
