#include "grammar/mailbox.h"

#include <algorithm>

#include "base/ascii.h"
#include "grammar/utf8.h"

namespace grammar {
namespace {

/// [RFC5322 3.2.3]
bool is_atext(char c) {
  return base::is_alnum(c) ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

///     Atom =  1*atext                               [RFC5322 3.2.3]
///     atext =/ UTF8-non-ascii                       [RFC6531 3.3]
ParseResult<void> take_atom(Cursor& in, PathRules rules) {
  const std::size_t start = in.offset();
  for (;;) {
    in.take_while(is_atext);
    if (!next_is_non_ascii(in)) break;
    const auto taken = take_non_ascii(in, rules);
    if (!taken) return taken;
  }
  if (in.since(start).empty()) return in.fail(ParseErrorCode::empty_atom);
  return {};
}

///     Dot-string = Atom *("." Atom)                 [RFC5321 4.1.2]
ParseResult<void> take_dot_string(Cursor& in, PathRules rules) {
  do {
    const auto taken = take_atom(in, rules);
    if (!taken) return taken;
  } while (in.take('.'));
  return {};
}

///     quoted-pairSMTP = %d92 %d32-126               [RFC5321 4.1.2]
ParseResult<void> take_quoted_pair(Cursor& in, std::string& value) {
  const std::size_t start = in.offset();
  in.skip(1);
  const std::optional<char> quoted = in.peek();
  if (!quoted) return in.fail(ParseErrorCode::unclosed_quoted_string);
  if (base::is_control(*quoted) || !base::is_ascii(*quoted)) {
    return in.fail_at(start, ParseErrorCode::bad_quoted_pair);
  }
  value += *quoted;
  in.skip(1);
  return {};
}

///     QcontentSMTP = qtextSMTP / quoted-pairSMTP    [RFC5321 4.1.2]
///     qtextSMTP =/ UTF8-non-ascii                   [RFC6531 3.3]
ParseResult<void> take_qcontent(Cursor& in, PathRules rules, std::string& value) {
  if (in.next_is('\\')) return take_quoted_pair(in, value);
  const std::size_t start = in.offset();
  if (next_is_non_ascii(in)) {
    const auto taken = take_non_ascii(in, rules);
    if (!taken) return taken;
  } else {
    if (base::is_control(*in.peek())) return in.fail(ParseErrorCode::control_in_quoted_string);
    in.skip(1);
  }
  value += in.since(start);
  return {};
}

///     Quoted-string = DQUOTE *QcontentSMTP DQUOTE   [RFC5321 4.1.2]
ParseResult<std::string> take_quoted_string(Cursor& in, PathRules rules) {
  std::string value;
  in.skip(1);
  while (!in.take('"')) {
    if (in.at_end()) return in.fail(ParseErrorCode::unclosed_quoted_string);
    const auto taken = take_qcontent(in, rules, value);
    if (!taken) return std::unexpected(taken.error());
  }
  return value;
}

std::string quoted(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

}  // namespace

ParseResult<LocalPart> LocalPart::from_value(std::string_view value) {
  constexpr PathRules rules{.smtputf8 = true};
  if (auto plain = parse_whole(value, rules, parse_local_part); plain && !plain->is_quoted()) {
    return plain;
  }
  return parse_whole(quoted(value), rules, parse_local_part);
}

ParseResult<Mailbox> Mailbox::parse(std::string_view text) {
  return parse_whole(text, {.smtputf8 = true}, parse_mailbox);
}

std::string Mailbox::print(DomainForm form) const {
  const std::string& name = form == DomainForm::ascii ? domain.ascii() : domain.text();
  std::string out;
  out.reserve(local.text().size() + 1 + name.size());
  out += local.text();
  if (!name.empty()) out.append("@").append(name);
  return out;
}

bool Mailbox::needs_smtputf8() const { return !base::is_ascii(local.text()); }

ParseResult<LocalPart> parse_local_part(Cursor& in, PathRules rules) {
  const std::size_t start = in.offset();
  LocalPart local;
  if (in.next_is('"')) {
    auto value = take_quoted_string(in, rules);
    if (!value) return std::unexpected(value.error());
    local.value_ = std::move(*value);
  } else {
    const auto taken = take_dot_string(in, rules);
    if (!taken) return std::unexpected(taken.error());
  }
  local.text_ = in.since(start);
  if (local.text_.size() > local_part_octets_max) {
    return in.fail_at(start, ParseErrorCode::local_part_too_long);
  }
  return local;
}

ParseResult<Mailbox> parse_mailbox(Cursor& in, PathRules rules) {
  auto local = parse_local_part(in, rules);
  if (!local) return std::unexpected(local.error());
  if (!in.take('@')) return in.fail(ParseErrorCode::missing_at_sign);
  auto domain = parse_domain_or_literal(in, rules);
  if (!domain) return std::unexpected(domain.error());
  return Mailbox{std::move(*local), std::move(*domain)};
}

}  // namespace grammar
