#include "smtp/reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/ascii.h"
#include "base/escape.h"

namespace smtp {
namespace {

/// textstring = 1*(%d09 / %d32-126)        [RFC5321 4.2]
[[nodiscard]] bool is_textstring(char c) { return c == '\t' || (c >= ' ' && c <= '~'); }

/// Takes 1 to 3 digits off the front.
///
///     subject = 1*3digit        [RFC3463 2]
[[nodiscard]] std::optional<std::uint16_t> take_number(std::string_view& text) {
  unsigned value = 0;
  std::size_t digits = 0;
  while (digits < text.size() && base::is_digit(text[digits])) {
    if (digits == 3) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(text[digits++] - '0');
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return static_cast<std::uint16_t>(value);
}

[[nodiscard]] bool take_dot(std::string_view& text) {
  if (!text.starts_with('.')) return false;
  text.remove_prefix(1);
  return true;
}

void append_line(const Reply& reply, std::string_view text, bool last, std::string& out) {
  const std::size_t start = out.size();
  fmt::format_to(std::back_inserter(out), "{:03}{}", reply.code, last ? ' ' : '-');
  if (const auto& e = reply.enhanced) {
    fmt::format_to(std::back_inserter(out), "{}.{}.{} ", e->class_digit, e->subject, e->detail);
  }
  const std::size_t room = reply_line_octets_max - 2 - (out.size() - start);
  std::ranges::transform(text.substr(0, room), std::back_inserter(out),
                         [](char c) { return is_textstring(c) ? c : '?'; });
  out += "\r\n";
}

}  // namespace

std::string to_string(EnhancedStatus status) {
  return fmt::format("{}.{}.{}", status.class_digit, status.subject, status.detail);
}

///     status-code = class "." subject "." detail        [RFC3463 2]
///     class       = "2" / "4" / "5"
std::optional<EnhancedStatus> take_enhanced_status(std::string_view& text) {
  std::string_view rest = text;
  if (rest.empty() || (rest[0] != '2' && rest[0] != '4' && rest[0] != '5')) return std::nullopt;
  const auto class_digit = static_cast<std::uint8_t>(rest[0] - '0');
  rest.remove_prefix(1);
  if (!take_dot(rest)) return std::nullopt;
  const auto subject = take_number(rest);
  if (!subject || !take_dot(rest)) return std::nullopt;
  const auto detail = take_number(rest);
  if (!detail || (!rest.empty() && rest[0] != ' ')) return std::nullopt;
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  text = rest;
  return EnhancedStatus{class_digit, *subject, *detail};
}

std::optional<EnhancedStatus> parse_enhanced_status(std::string_view text) {
  const bool has_space = text.contains(' ');
  const auto status = take_enhanced_status(text);
  return has_space || !text.empty() ? std::nullopt : status;
}

void append_wire(const Reply& reply, std::string& out) {
  std::string_view rest = reply.text;
  for (;;) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) break;
    append_line(reply, rest.substr(0, end), false, out);
    rest.remove_prefix(end + 1);
  }
  append_line(reply, rest, true, out);
}

std::string one_line(const Reply& reply) {
  std::string text = fmt::format("{:03}", reply.code);
  if (reply.enhanced) text += ' ' + to_string(*reply.enhanced);
  if (reply.text.empty()) return text;
  const std::size_t start = text.size() + 1;
  text += ' ' + reply.text;
  std::replace(text.begin() + static_cast<std::ptrdiff_t>(start), text.end(), '\n', ' ');
  return base::escaped(text);
}

}  // namespace smtp
