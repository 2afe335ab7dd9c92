#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "grammar/domain.h"
#include "grammar/parse.h"

namespace grammar {

/// In octets, as received, with quotes. [RFC5321 4.5.3.1] asks for at least 64 and would rather
/// have no limit. Deviates: we refuse longer ones than this, so that every buffer and every spool
/// record is bounded; senders that rewrite addresses (VERP, SRS) go beyond 64.
inline constexpr std::size_t local_part_octets_max = 255;  // [RFC5321 4.5.3.1.1]

/// How a domain is written.
enum class DomainForm : std::uint8_t {
  as_received,
  ascii,  ///< U-labels become A-labels: for a next hop without SMTPUTF8.
};

/// What stands before the `@`. Case counts: only the receiving host may interpret a local-part
/// [RFC5321 2.3.11].
class LocalPart {
 public:
  /// Empty; no parser returns this.
  LocalPart() = default;
  /// A local-part with this meaning, quoted only if it must be [RFC5321 4.1.2]. Errors as of
  /// parse_local_part, with UTF-8 allowed.
  [[nodiscard]] static ParseResult<LocalPart> from_value(std::string_view value);

  /// As received, with its quotes.
  [[nodiscard]] const std::string& text() const { return text_; }
  /// The meaning, without quotes and backslashes; all quoted forms are equivalent [RFC5321 4.1.2].
  [[nodiscard]] const std::string& value() const { return is_quoted() ? value_ : text_; }
  [[nodiscard]] bool is_quoted() const { return text_.starts_with('"'); }

  friend bool operator==(const LocalPart& a, const LocalPart& b) { return a.value() == b.value(); }
  friend std::strong_ordering operator<=>(const LocalPart& a, const LocalPart& b) {
    return a.value() <=> b.value();
  }

 private:
  friend ParseResult<LocalPart> parse_local_part(Cursor& in, PathRules rules);

  std::string text_;
  std::string value_;  ///< Only if quoted.
};

struct Mailbox {
  LocalPart local;
  Domain domain;

  /// The whole of `text`, without angle brackets, with UTF-8 allowed: for the configuration, the
  /// command line and our own records.
  [[nodiscard]] static ParseResult<Mailbox> parse(std::string_view text);

  /// `local@domain`. Parses to an equal mailbox again.
  [[nodiscard]] std::string print(DomainForm form = DomainForm::as_received) const;
  /// Only a next hop with SMTPUTF8 can take it. U-labels alone need none: see DomainForm::ascii.
  [[nodiscard]] bool needs_smtputf8() const;

  friend auto operator<=>(const Mailbox&, const Mailbox&) = default;
};

/// Parses a local-part, leaving `in` at the first octet after it.
///
///     Local-part    = Dot-string / Quoted-string            [RFC5321 4.1.2]
///     Dot-string    = Atom *("." Atom)                      [RFC5321 4.1.2]
///     Quoted-string = DQUOTE *QcontentSMTP DQUOTE           [RFC5321 4.1.2]
///     atext, qtextSMTP =/ UTF8-non-ascii                    [RFC6531 3.3]
///
/// Errors: empty_atom, unclosed_quoted_string, bad_quoted_pair, control_in_quoted_string,
/// non_ascii, bad_utf8, local_part_too_long (at its first octet).
[[nodiscard]] ParseResult<LocalPart> parse_local_part(Cursor& in, PathRules rules);

///     Mailbox = Local-part "@" ( Domain / address-literal )  [RFC5321 4.1.2]
///
/// Errors: those of its parts, missing_at_sign.
[[nodiscard]] ParseResult<Mailbox> parse_mailbox(Cursor& in, PathRules rules);

}  // namespace grammar

template <>
struct std::hash<grammar::Mailbox> {
  std::size_t operator()(const grammar::Mailbox& mailbox) const noexcept {
    const std::size_t local = std::hash<std::string>{}(mailbox.local.value());
    return local * 31 + std::hash<grammar::Domain>{}(mailbox.domain);
  }
};
