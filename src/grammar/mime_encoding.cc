#include "grammar/mime_encoding.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/base64.h"

namespace grammar {
namespace {

/// Octets that one line of base64 stands for.
constexpr std::size_t base64_line_octets = encoded_line_octets_max / 4 * 3;

///     safe-char = %d33-60 / %d62-126                    [RFC2045 6.7]
[[nodiscard]] bool is_literal(char c) {
  return base::is_ascii(c) && !base::is_control(c) && c != ' ' && c != '=';
}

/// One line without its CRLF, with soft line breaks.
void append_line(std::string_view line, std::string& out) {
  constexpr std::string_view hex_digits = "0123456789ABCDEF";
  std::size_t width = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool last = i + 1 == line.size();
    // A space at the end of a line may get lost on the way.
    const bool literal = is_literal(c) || (base::is_space(c) && !last);
    const std::size_t octets = literal ? 1 : 3;
    // One place is left for the `=` of a soft line break.
    if (width + octets > encoded_line_octets_max - 1) {
      out += "=\r\n";
      width = 0;
    }
    width += octets;
    if (literal) {
      out += c;
    } else {
      const auto octet = static_cast<unsigned char>(c);
      out += '=';
      out += hex_digits[octet >> 4];
      out += hex_digits[octet & 15];
    }
  }
}

}  // namespace

void append_quoted_printable(std::string_view body, std::string& out) {
  for (;;) {
    const std::size_t end = body.find("\r\n");
    append_line(body.substr(0, end), out);
    if (end == std::string_view::npos) return;
    out += "\r\n";
    body.remove_prefix(end + 2);
  }
}

void append_base64(std::string_view body, std::string& out) {
  while (!body.empty()) {
    out += base::base64_encode(body.substr(0, base64_line_octets));
    out += "\r\n";
    body.remove_prefix(std::min(body.size(), base64_line_octets));
  }
}

std::size_t quoted_printable_octets(std::string_view body) {
  // A soft line break comes after 73 octets at the earliest, where an encoded one did not fit.
  constexpr std::size_t line_octets_min = encoded_line_octets_max - 3;
  std::size_t octets = 0;
  for (;;) {
    const std::size_t end = body.find("\r\n");
    const std::string_view line = body.substr(0, end);
    std::size_t width = line.size();
    for (const char c : line) width += is_literal(c) || base::is_space(c) ? 0 : 2;
    if (!line.empty() && base::is_space(line.back())) width += 2;
    octets += width + width / line_octets_min * 3;
    if (end == std::string_view::npos) return octets;
    octets += 2;
    body.remove_prefix(end + 2);
  }
}

std::size_t base64_octets(std::string_view body) {
  const std::size_t lines = (body.size() + base64_line_octets - 1) / base64_line_octets;
  return (body.size() + 2) / 3 * 4 + lines * 2;
}

}  // namespace grammar
