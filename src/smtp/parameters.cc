#include "smtp/parameters.h"

#include "base/ascii.h"

namespace smtp {
namespace {

[[nodiscard]] bool is_keyword(char c) { return base::is_alnum(c) || c == '-'; }
[[nodiscard]] bool is_value(char c) {
  return c > ' ' && c != '=' && c != 0x7f && base::is_ascii(c);
}
[[nodiscard]] bool is_value_utf8(char c) { return is_value(c) || !base::is_ascii(c); }

}  // namespace

std::optional<Parameter> take_parameter(grammar::Cursor& in, bool smtputf8) {
  if (in.next_is('-')) return std::nullopt;
  Parameter out;
  out.keyword = in.take_while(is_keyword);
  if (out.keyword.empty()) return std::nullopt;
  if (in.take('=')) {
    out.value = in.take_while(smtputf8 ? is_value_utf8 : is_value);
    if (out.value->empty()) return std::nullopt;
  }
  if (!in.at_end() && !in.next_is(' ')) return std::nullopt;
  return out;
}

}  // namespace smtp
