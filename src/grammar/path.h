#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/mailbox.h"
#include "grammar/parse.h"

namespace grammar {

/// In octets, with the angle brackets.
inline constexpr std::size_t path_octets_max = 1'024;  // [RFC5321 4.5.3.1.3]

/// The argument of RCPT TO: a recipient, and the hosts to go through on the way [RFC5321 C].
struct ForwardPath {
  std::vector<Domain> route;  ///< In the order of travel; mostly empty.
  Mailbox mailbox;

  /// The whole of `text`, with brackets, with UTF-8 allowed: for our own records.
  [[nodiscard]] static ParseResult<ForwardPath> parse(std::string_view text);

  /// `<postmaster>`, in any case: the mailbox has no domain [RFC5321 4.1.1.3].
  [[nodiscard]] bool is_bare_postmaster() const { return mailbox.domain.empty(); }
  [[nodiscard]] bool needs_smtputf8() const { return mailbox.needs_smtputf8(); }

  /// With brackets and route. Parses to an equal path again.
  [[nodiscard]] std::string print(DomainForm form = DomainForm::as_received) const;
  [[nodiscard]] std::string print_without_route(DomainForm form = DomainForm::as_received) const;

  friend bool operator==(const ForwardPath&, const ForwardPath&) = default;
};

/// The argument of MAIL FROM: where reports go, or nowhere (`<>`) [RFC5321 4.5.5].
struct ReversePath {
  std::vector<Domain> route;
  std::optional<Mailbox> mailbox;  ///< nullopt: the null reverse-path; it has no route.

  [[nodiscard]] static ParseResult<ReversePath> parse(std::string_view text);

  [[nodiscard]] bool is_null() const { return !mailbox.has_value(); }
  [[nodiscard]] bool needs_smtputf8() const { return mailbox && mailbox->needs_smtputf8(); }

  [[nodiscard]] std::string print(DomainForm form = DomainForm::as_received) const;
  [[nodiscard]] std::string print_without_route(DomainForm form = DomainForm::as_received) const;

  friend bool operator==(const ReversePath&, const ReversePath&) = default;
};

/// Parses a forward-path, leaving `in` behind its `>`.
///
///     Path  = "<" [ A-d-l ":" ] Mailbox ">"                       [RFC5321 4.1.2]
///     A-d-l = "@" Domain *( "," "@" Domain )                      [RFC5321 4.1.2]
///     "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path )
///                                                                 [RFC5321 4.1.1.3]
///
/// Without any `>` in the rest of the input the error is missing_right_angle at its end, whatever
/// else is wrong. Other errors: those of parse_mailbox, missing_left_angle, missing_colon,
/// unexpected_character (a complete mailbox, then something before the `>`), null_forward_path,
/// path_too_long (at the `<`).
[[nodiscard]] ParseResult<ForwardPath> parse_forward_path(Cursor& in, PathRules rules);

///     Reverse-path = Path / "<>"                                  [RFC5321 4.1.2]
[[nodiscard]] ParseResult<ReversePath> parse_reverse_path(Cursor& in, PathRules rules);

/// The mailbox of a printed path, without brackets and route: how logs and lists name a recipient.
/// Of `<>` nothing.
[[nodiscard]] std::string_view mailbox_text(std::string_view printed_path);

}  // namespace grammar
