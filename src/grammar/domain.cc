#include "grammar/domain.h"

#include <idn2.h>

#include <memory>

#include "base/address.h"
#include "base/ascii.h"
#include "grammar/utf8.h"

namespace grammar {
namespace {

constexpr std::string_view ipv6_tag = "IPv6:";

/// The underscore: see parse_domain.
bool is_label_octet(char c) { return base::is_alnum(c) || c == '-' || c == '_'; }

///     sub-domain = Let-dig [Ldh-str]                [RFC5321 4.1.2]
///     sub-domain =/ U-label                         [RFC6531 3.3]
ParseResult<void> take_label(Cursor& in, PathRules rules) {
  const std::size_t start = in.offset();
  for (;;) {
    in.take_while(is_label_octet);
    if (!next_is_non_ascii(in)) break;
    const auto taken = take_non_ascii(in, rules);
    if (!taken) return taken;
  }

  const std::string_view label = in.since(start);
  if (label.empty()) return in.fail(ParseErrorCode::empty_domain_label);
  if (label.front() == '-') return in.fail_at(start, ParseErrorCode::bad_domain_label);
  if (label.back() == '-') return in.fail_at(in.offset() - 1, ParseErrorCode::bad_domain_label);
  // The limit of a U-label is that of its A-label.
  if (label.size() > domain_label_octets_max && base::is_ascii(label)) {
    return in.fail_at(start, ParseErrorCode::domain_label_too_long);
  }
  return {};
}

ParseResult<void> take_labels(Cursor& in, PathRules rules) {
  const std::size_t start = in.offset();
  do {
    const auto taken = take_label(in, rules);
    if (!taken) return taken;
  } while (in.take('.'));
  if (in.since(start).size() > domain_octets_max) {
    return in.fail_at(start, ParseErrorCode::domain_too_long);
  }
  return {};
}

/// Lower-case A-labels [UTS46 4], or nullopt if there are none.
std::optional<std::string> to_a_labels(const std::string& text) {
  std::uint8_t* found = nullptr;
  const int status = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(text.c_str()), &found,
                                    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<std::uint8_t, void (*)(void*)> owner(found, idn2_free);
  if (status != IDN2_OK) return std::nullopt;
  std::string labels = base::lower(reinterpret_cast<const char*>(found));

  // The mapping may yield ASCII that a name must not have: a fullwidth `@` becomes `@`.
  Cursor in(labels);
  if (!take_labels(in, {}) || !in.at_end()) return std::nullopt;
  return labels;
}

std::string print_literal(const base::IpAddress& address) {
  const std::string_view tag = address.is_v4() ? "" : ipv6_tag;
  return std::string("[").append(tag).append(address.to_string()).append("]");
}

/// What stands between the brackets.
std::optional<base::IpAddress> literal_address(std::string_view text) {
  const bool tagged = base::starts_with_nocase(text, ipv6_tag);
  if (tagged) text.remove_prefix(ipv6_tag.size());
  const bool has_colon = text.find(':') != std::string_view::npos;
  if (tagged != has_colon) return std::nullopt;
  return base::IpAddress::parse(text);
}

}  // namespace

ParseResult<Domain> Domain::parse(std::string_view text) {
  return parse_whole(text, {.smtputf8 = true}, parse_domain_or_literal);
}

Domain Domain::literal(const base::IpAddress& address) {
  Domain domain;
  domain.text_ = print_literal(address);
  return domain;
}

const std::string& Domain::ascii() const { return base::is_ascii(text_) ? text_ : canonical(); }

std::optional<base::IpAddress> Domain::address() const {
  if (!is_literal()) return std::nullopt;
  return literal_address(std::string_view(text_).substr(1, text_.size() - 2));
}

bool Domain::is_below(const Domain& parent) const {
  if (is_literal() || parent.is_literal() || parent.empty()) return false;
  const std::string_view name = canonical();
  const std::string_view above = parent.canonical();
  return name.size() > above.size() + 1 && name.ends_with(above) &&
         name[name.size() - above.size() - 1] == '.';
}

ParseResult<Domain> parse_domain(Cursor& in, PathRules rules) {
  const std::size_t start = in.offset();
  const auto taken = take_labels(in, rules);
  if (!taken) return std::unexpected(taken.error());

  Domain domain;
  domain.text_ = in.since(start);
  std::string canonical;
  if (base::is_ascii(domain.text_)) {
    canonical = base::lower(domain.text_);
  } else {
    auto labels = to_a_labels(domain.text_);
    if (!labels) return in.fail_at(start, ParseErrorCode::bad_internationalized_domain);
    canonical = std::move(*labels);
  }
  if (canonical != domain.text_) domain.canonical_ = std::move(canonical);
  return domain;
}

ParseResult<Domain> parse_address_literal(Cursor& in) {
  const std::size_t start = in.offset();
  const auto refused = Cursor::fail_at(start, ParseErrorCode::bad_address_literal);
  if (!in.take('[')) return refused;
  const std::string_view inner =
      in.take_while([](char c) { return base::is_alnum(c) || c == ':' || c == '.'; });
  if (!in.take(']')) return refused;
  const auto address = literal_address(inner);
  if (!address) return refused;

  Domain domain;
  domain.text_ = in.since(start);
  std::string canonical = print_literal(*address);
  if (canonical != domain.text_) domain.canonical_ = std::move(canonical);
  return domain;
}

ParseResult<Domain> parse_domain_or_literal(Cursor& in, PathRules rules) {
  return in.next_is('[') ? parse_address_literal(in) : parse_domain(in, rules);
}

}  // namespace grammar
