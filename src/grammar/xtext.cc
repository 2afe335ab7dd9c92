#include "grammar/xtext.h"

namespace grammar {
namespace {

constexpr std::string_view hex_digits = "0123456789ABCDEF";

///     xchar = any ASCII CHAR between "!" and "~" inclusive, except for "+" and "="  [RFC3461 4]
bool is_xchar(char c) { return c >= '!' && c <= '~' && c != '+' && c != '='; }

}  // namespace

std::string xtext_encode(std::string_view octets) {
  std::string out;
  out.reserve(octets.size());
  for (const char c : octets) {
    if (is_xchar(c)) {
      out += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out += '+';
    out += hex_digits[octet >> 4];
    out += hex_digits[octet & 15];
  }
  return out;
}

ParseResult<std::string> xtext_decode(std::string_view text) {
  Cursor in(text);
  std::string out;
  while (!in.at_end()) {
    out += in.take_while(is_xchar);
    if (in.at_end()) break;
    const std::size_t start = in.offset();
    const std::string_view hexchar = in.rest().substr(0, 3);
    if (hexchar.size() < 3 || hexchar[0] != '+') return in.fail(ParseErrorCode::bad_xtext);
    const std::size_t high = hex_digits.find(hexchar[1]);
    const std::size_t low = hex_digits.find(hexchar[2]);
    if (high == std::string_view::npos || low == std::string_view::npos) {
      return in.fail_at(start, ParseErrorCode::bad_xtext);
    }
    out += static_cast<char>(high * 16 + low);
    in.skip(3);
  }
  return out;
}

}  // namespace grammar
