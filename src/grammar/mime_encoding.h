#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Bodies in seven bits [RFC2045 6.7, 6.8]. Line ends are CRLF.
namespace grammar {

/// In octets, without CRLF, of an encoded line [RFC2045 6.7] [RFC2045 6.8].
inline constexpr std::size_t encoded_line_octets_max = 76;

/// CRLF stays a line end; a bare CR or LF is encoded as any other control. The last line ends as it
/// did.
void append_quoted_printable(std::string_view body, std::string& out);

/// Every line ends in CRLF, the last one, too.
void append_base64(std::string_view body, std::string& out);

/// How many octets append_quoted_printable() adds at most; few less in truth.
[[nodiscard]] std::size_t quoted_printable_octets(std::string_view body);
/// Just how many append_base64() adds.
[[nodiscard]] std::size_t base64_octets(std::string_view body);

}  // namespace grammar
