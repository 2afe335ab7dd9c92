#include "smtp/dsn_parameters.h"

#include <algorithm>

#include "base/ascii.h"
#include "grammar/notify.h"
#include "grammar/utf8.h"
#include "grammar/xtext.h"

namespace smtp {
namespace {

namespace notify = grammar::notify;

/// "Graphic and white space" [RFC3461 4.2].
[[nodiscard]] bool is_printable(std::string_view octets) {
  return std::ranges::all_of(octets, [](char c) { return (c >= ' ' && c <= '~') || c == '\t'; });
}

/// The same, or characters beyond ASCII.
///
/// Deviates: [RFC3461 4.2] knows ASCII alone; Postfix puts the UTF-8 of an address into xtext of
/// the type rfc822.
[[nodiscard]] bool is_printable_utf8(std::string_view octets) {
  grammar::Cursor in(octets);
  while (!in.at_end()) {
    if (!grammar::next_is_non_ascii(in)) {
      if (!is_printable(in.rest().substr(0, 1))) return false;
      in.skip(1);
    } else if (!grammar::take_non_ascii(in, {.smtputf8 = true})) {
      return false;
    }
  }
  return true;
}

[[nodiscard]] std::optional<std::uint8_t> notify_bit(std::string_view word) {
  if (base::equal_nocase(word, "SUCCESS")) return notify::success;
  if (base::equal_nocase(word, "FAILURE")) return notify::failure;
  if (base::equal_nocase(word, "DELAY")) return notify::delay;
  return std::nullopt;
}

///     atom = 1*atext        [RFC5322 3.2.3]
[[nodiscard]] bool is_atext(char c) {
  constexpr std::string_view specials = "!#$%&'*+-/=?^_`{|}~";
  return base::is_alnum(c) || specials.find(c) != specials.npos;
}

///     QCHAR = %x21-2a / %x2c-3c / %x3e-5b / %x5d-7e        [RFC6533 3]
[[nodiscard]] bool is_qchar(char c) {
  return c >= '!' && c <= '~' && c != '+' && c != '=' && c != '\\';
}

[[nodiscard]] int hex_value(char c) {
  if (base::is_digit(c)) return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// Steps over `\x{HEXPOINT}`. Deviates from [RFC6533 3]: no controls, which have no business in a
/// report.
[[nodiscard]] bool take_embedded(grammar::Cursor& in) {
  constexpr std::size_t digits_max = 6;
  constexpr std::string_view start = "\\x{";
  if (!in.rest().starts_with(start)) return false;
  in.skip(start.size());
  const std::string_view digits = in.take_while([](char c) { return hex_value(c) >= 0; });
  if (digits.size() < 2 || digits.size() > digits_max || !in.take('}')) return false;
  if (digits.size() > 2 && digits[0] == '0') return false;
  std::uint32_t point = 0;
  for (const char c : digits) point = point * 16 + static_cast<std::uint32_t>(hex_value(c));
  const bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
  const bool is_special = point == ' ' || point == '+' || point == '=' || point == '\\';
  return is_special || (point >= 0xa0 && point <= 0x10ffff && !is_surrogate);
}

/// What stands behind `utf-8;`.
[[nodiscard]] bool is_utf8_address(std::string_view text, bool smtputf8) {
  grammar::Cursor in(text);
  if (in.at_end()) return false;
  while (!in.at_end()) {
    in.take_while(is_qchar);
    if (in.at_end()) break;
    const bool taken = grammar::next_is_non_ascii(in)
                           ? grammar::take_non_ascii(in, {.smtputf8 = smtputf8}).has_value()
                           : take_embedded(in);
    if (!taken) return false;
  }
  return true;
}

}  // namespace

std::optional<std::uint8_t> parse_notify(std::string_view value) {
  if (base::equal_nocase(value, "NEVER")) return notify::never;
  std::uint8_t out = 0;
  for (;;) {
    const std::size_t end = std::min(value.find(','), value.size());
    const auto bit = notify_bit(value.substr(0, end));
    if (!bit) return std::nullopt;
    out = static_cast<std::uint8_t>(out | *bit);
    if (end == value.size()) return out;
    value.remove_prefix(end + 1);
  }
}

std::optional<std::string> parse_orcpt(std::string_view value, bool smtputf8) {
  if (value.size() > orcpt_octets_max) return std::nullopt;
  const std::size_t end = value.find(';');
  if (end == 0 || end == value.npos) return std::nullopt;
  const std::string_view type = value.substr(0, end);
  const std::string_view address = value.substr(end + 1);
  if (!std::ranges::all_of(type, is_atext)) return std::nullopt;
  if (base::equal_nocase(type, "utf-8")) {
    if (!is_utf8_address(address, smtputf8)) return std::nullopt;
  } else {
    const auto decoded = grammar::xtext_decode(address);
    if (!decoded || !is_printable_utf8(*decoded)) return std::nullopt;
  }
  return std::string(value);
}

std::optional<std::uint8_t> parse_ret(std::string_view value) {
  if (base::equal_nocase(value, "FULL")) return std::uint8_t{1};
  if (base::equal_nocase(value, "HDRS")) return std::uint8_t{2};
  return std::nullopt;
}

std::optional<std::string> parse_envid(std::string_view value) {
  if (value.empty() || value.size() > envid_octets_max) return std::nullopt;
  auto decoded = grammar::xtext_decode(value);
  if (!decoded || !is_printable(*decoded)) return std::nullopt;
  return std::move(*decoded);
}

}  // namespace smtp
