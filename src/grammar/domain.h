#pragma once

#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "grammar/parse.h"

namespace base {
class IpAddress;
}

namespace grammar {

/// In octets, of the text as received and of its A-label form.
inline constexpr std::size_t domain_octets_max = 255;       // [RFC5321 4.5.3.1.2]
inline constexpr std::size_t domain_label_octets_max = 63;  // [RFC1035 2.3.4]

/// What stands behind the `@`: the name of a host or of a domain, or an address literal such as
/// `[192.0.2.1]` or `[IPv6:2001:db8::1]` [RFC5321 4.1.3].
///
/// One domain in every spelling (case, A-labels, U-labels) compares equal, and so do all spellings
/// of one address.
class Domain {
 public:
  /// No domain at all: empty() is true. Only the path `<postmaster>` has one.
  Domain() = default;

  /// The whole of `text`, with U-labels allowed: for the configuration, the command line and our
  /// own records.
  [[nodiscard]] static ParseResult<Domain> parse(std::string_view text);
  /// The literal of an address.
  [[nodiscard]] static Domain literal(const base::IpAddress& address);

  /// As received.
  [[nodiscard]] const std::string& text() const { return text_; }
  /// Lower-case A-labels; of a literal, the shortest form of the address in its brackets. ASCII.
  [[nodiscard]] const std::string& canonical() const {
    return canonical_.empty() ? text_ : canonical_;
  }
  /// For a next hop without SMTPUTF8: as received if that is ASCII, else canonical().
  [[nodiscard]] const std::string& ascii() const;

  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] bool is_literal() const { return text_.starts_with('['); }
  /// The address of a literal; nullopt for a name.
  [[nodiscard]] std::optional<base::IpAddress> address() const;
  /// Below `parent`, and not the same. Literals are below nothing.
  [[nodiscard]] bool is_below(const Domain& parent) const;

  friend bool operator==(const Domain& a, const Domain& b) {
    return a.canonical() == b.canonical();
  }
  friend std::strong_ordering operator<=>(const Domain& a, const Domain& b) {
    return a.canonical() <=> b.canonical();
  }

 private:
  friend ParseResult<Domain> parse_domain(Cursor& in, PathRules rules);
  friend ParseResult<Domain> parse_address_literal(Cursor& in);

  std::string text_;
  std::string canonical_;  ///< Empty when it is the same as text_.
};

/// Parses a domain name, leaving `in` at the first octet after it.
///
///     Domain     = sub-domain *("." sub-domain)     [RFC5321 4.1.2]
///     sub-domain = Let-dig [Ldh-str]                [RFC5321 4.1.2]
///     sub-domain =/ U-label                         [RFC6531 3.3]
///
/// Deviates: an underscore counts as a letter, since hosts with such names do send mail, and other
/// servers take it. U-labels are mapped as [UTS46 4] says (non-transitional), so that they need not
/// be normal forms. There is no dot at the end.
///
/// Errors: empty_domain_label, bad_domain_label, bad_internationalized_domain, non_ascii, bad_utf8,
/// domain_label_too_long, domain_too_long.
[[nodiscard]] ParseResult<Domain> parse_domain(Cursor& in, PathRules rules);

/// Parses an address literal with its brackets [RFC5321 4.1.3].
///
/// Deviates: no leading zeros in IPv4 numbers, which some read as octal; `::` may stand for one
/// group [RFC4291 2.2]; no General-address-literal, since nothing but IPv6 was ever registered.
///
/// Errors: bad_address_literal, at the bracket.
[[nodiscard]] ParseResult<Domain> parse_address_literal(Cursor& in);

/// Either of the two.
[[nodiscard]] ParseResult<Domain> parse_domain_or_literal(Cursor& in, PathRules rules);

}  // namespace grammar

template <>
struct std::hash<grammar::Domain> {
  std::size_t operator()(const grammar::Domain& domain) const noexcept {
    return std::hash<std::string>{}(domain.canonical());
  }
};
