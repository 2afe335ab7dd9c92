#pragma once

#include <cstdint>
#include <string_view>

namespace smtp {

/// The first word of a command line [RFC5321 4.1.1].
enum class Verb : std::uint8_t {
  helo,
  ehlo,
  mail,
  rcpt,
  data,
  rset,
  vrfy,
  expn,
  help,
  noop,
  quit,
  starttls,         ///< [RFC3207 4]
  auth,             ///< [RFC4954 4]
  bdat,             ///< [RFC3030 2]
  lhlo,             ///< [RFC2033 4.1]
  etrn,             ///< [RFC1985 5]
  not_implemented,  ///< Known from a standard, but nothing that we do: TURN, SEND, BURL, …
  http,             ///< A method of HTTP: the peer takes us for a web server.
  unknown,
};

inline constexpr std::size_t verb_count = static_cast<std::size_t>(Verb::unknown) + 1;

/// Verbs are not sensitive to case [RFC5321 2.4]. Never fails: see Verb::unknown.
[[nodiscard]] Verb parse_verb(std::string_view word);

/// `MAIL`; for the last three of Verb what they are, in parentheses.
[[nodiscard]] std::string_view to_string(Verb verb);

}  // namespace smtp
