#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// How text of anybody gets into a report without becoming a field, a line or a boundary of it.
namespace dsn {

/// In octets, without the line end [RFC5322 2.1.1].
inline constexpr std::size_t line_octets_wanted = 76;
inline constexpr std::size_t line_octets_max = 998;

/// In one line: line ends and runs of spaces become one space; other controls, and what is not
/// UTF-8, become `\xNN`. Cut after `octets_max` octets.
[[nodiscard]] std::string one_line(std::string_view text, std::size_t octets_max);

/// The same in ASCII: each octet above 127 becomes `\xNN`.
[[nodiscard]] std::string one_ascii_line(std::string_view text, std::size_t octets_max);

/// `first` and then the words of `text`, in lines of about line_octets_wanted octets and never more
/// than line_octets_max; those after the first begin with `indent`. Ends in CRLF.
[[nodiscard]] std::string wrapped(std::string_view first, std::string_view text,
                                  std::string_view indent);

/// A header field or a field of message/delivery-status, folded. `value` must be in one line.
[[nodiscard]] std::string field(std::string_view name, std::string_view value);

/// [RFC2045 6.7]. LF and CRLF are line ends; they become CRLF.
[[nodiscard]] std::string quoted_printable(std::string_view text);

/// Passes any SMTP server as it is: ASCII, no NUL, lines that end in CRLF and are not too long.
[[nodiscard]] bool is_seven_bit(std::string_view text);

/// The same but for octets above 127: what 8BITMIME carries [RFC6152 2].
[[nodiscard]] bool is_eight_bit_text(std::string_view text);

}  // namespace dsn
