#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/reply.h"

namespace smtp {

/// Of one reply of a peer. [RFC5321 4.5.3.1.5] knows lines of 512 octets and sets no number of
/// lines. Deviates: longer lines are taken, but a reply in whole is bounded, so that a server can
/// neither fill our memory nor keep us reading for ever.
inline constexpr std::size_t reply_lines_max = 100;
inline constexpr std::size_t reply_octets_max = 16'384;  ///< Of all lines, without codes and CRLF.

enum class ReplyErrorCode : std::uint8_t {
  no_code,            ///< A line does not begin with three digits.
  code_out_of_range,  ///< Below 200 or above 599.
  bad_separator,      ///< Neither space, hyphen nor CRLF behind the code.
  changed_code,       ///< The lines of one reply have different codes [RFC5321 4.2.1].
  bare_line_feed,     ///< LF without CR.
  too_many_lines,
  too_long,
};

struct ReplyError {
  ReplyErrorCode code;
  std::size_t offset;  ///< In octets, from the start of the reply.

  friend bool operator==(const ReplyError&, const ReplyError&) = default;
};

/// For people: "reply without a code".
[[nodiscard]] std::string_view describe(ReplyErrorCode code);

/// Reads the replies of a server [RFC5321 4.2] from octets cut anywhere.
///
///     Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
///
/// Only CRLF ends a line: a bare LF is refused at once. Deviates: any second digit is taken, and
/// any octet but LF may stand in the text (NUL, other controls, 8-bit), since none of it can be
/// mistaken for a code; whoever shows the text escapes it.
///
/// An enhanced status code [RFC2034 4] is taken off the text when its class is that of the code.
class ReplyParser {
 public:
  using Result = std::expected<std::optional<Reply>, ReplyError>;

  /// Takes octets off the front of `in`, up to the end of one reply; nullopt if more are needed
  /// (`in` is empty then). After an error every call fails: nobody knows where the next begins.
  [[nodiscard]] Result next(std::string_view& in);

 private:
  /// Of a line: `250-text`, CR, LF.
  enum class Place : std::uint8_t { code, separator, text, line_feed };

  [[nodiscard]] std::optional<ReplyErrorCode> take(std::string_view& in);
  [[nodiscard]] std::optional<ReplyErrorCode> take_digit(char c);
  [[nodiscard]] std::optional<ReplyErrorCode> take_separator(char c);
  [[nodiscard]] std::optional<ReplyErrorCode> take_text(std::string_view& in);
  [[nodiscard]] std::optional<ReplyErrorCode> take_line_feed(char c);
  [[nodiscard]] std::size_t append(std::string_view octets);
  [[nodiscard]] Reply finish();

  std::string text_;  ///< Lines as they came, separated by LF.
  std::size_t offset_ = 0;
  std::size_t lines_ = 0;  ///< Complete ones.
  std::optional<ReplyError> error_;
  int code_ = 0;       ///< Of the first line; 0 until it is complete.
  int line_code_ = 0;  ///< Of this line, as far as it has come.
  std::uint8_t digits_ = 0;
  Place place_ = Place::code;
  bool last_line_ = false;
  bool complete_ = false;
};

}  // namespace smtp
