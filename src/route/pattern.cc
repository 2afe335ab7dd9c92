#include "route/pattern.h"

#include <fmt/format.h>

#include "base/ascii.h"
#include "base/assert.h"

namespace route {

std::expected<AddressPattern, std::string> AddressPattern::parse(std::string_view text) {
  AddressPattern pattern;
  if (text == "*") return pattern;
  if (text.find('@') != std::string_view::npos) {
    const auto address = grammar::Mailbox::parse(text);
    if (!address) {
      return std::unexpected(
          fmt::format("\"{}\" is no address: {}", text, grammar::describe(address.error().code)));
    }
    if (address->local.value() == "*") {
      return std::unexpected(
          fmt::format("\"{}\": for a whole domain write {}", text, address->domain.text()));
    }
    pattern.kind = Kind::address;
    pattern.local = base::lower(address->local.value());
    pattern.domain = address->domain;
    return pattern;
  }
  pattern.kind = text.starts_with("*.") ? Kind::below : Kind::domain;
  const std::string_view name = pattern.kind == Kind::below ? text.substr(2) : text;
  const auto domain = grammar::Domain::parse(name);
  if (!domain || (pattern.kind == Kind::below && domain->is_literal())) {
    return std::unexpected(
        fmt::format("expected an address, a domain, *.domain or *, not \"{}\"", text));
  }
  pattern.domain = *domain;
  return pattern;
}

bool AddressPattern::matches(const grammar::Mailbox& mailbox) const {
  switch (kind) {
    case Kind::address:
      return mailbox.domain == domain && base::equal_nocase(mailbox.local.value(), local);
    case Kind::domain: return mailbox.domain == domain;
    case Kind::below: return mailbox.domain.is_below(domain);
    case Kind::any: return true;
  }
  PH_ASSERT(false);
}

std::string AddressPattern::print() const {
  switch (kind) {
    case Kind::address: {
      const auto quoted = grammar::LocalPart::from_value(local);
      return (quoted ? quoted->text() : local) + "@" + domain.text();
    }
    case Kind::domain: return domain.text();
    case Kind::below: return "*." + domain.text();
    case Kind::any: return "*";
  }
  PH_ASSERT(false);
}

std::expected<SenderPattern, std::string> SenderPattern::parse(std::string_view text) {
  SenderPattern pattern;
  if (text == "<>") {
    pattern.null = true;
    return pattern;
  }
  auto mailbox = AddressPattern::parse(text);
  if (!mailbox) return std::unexpected(std::move(mailbox.error()));
  pattern.mailbox = *std::move(mailbox);
  return pattern;
}

std::expected<UserPattern, std::string> UserPattern::parse(std::string_view text) {
  if (text.empty()) return std::unexpected("expected the name of a user, a domain or *");
  UserPattern pattern{.name = base::lower(text), .mailbox = {}};
  if (auto mailbox = AddressPattern::parse(text)) pattern.mailbox = *std::move(mailbox);
  return pattern;
}

bool UserPattern::matches(std::string_view user) const {
  if (user.empty()) return false;
  if (base::equal_nocase(user, name)) return true;
  if (!mailbox) return false;
  if (mailbox->kind == AddressPattern::Kind::any) return true;
  const auto address = grammar::Mailbox::parse(user);
  return address && mailbox->matches(*address);
}

}  // namespace route
