#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "grammar/domain.h"

namespace route {

enum class Scheme : std::uint8_t { smtp, smtps, lmtp, pipe, maildir, mbox, discard, mx, reject };

inline constexpr std::uint16_t smtp_port = 25;    // [RFC5321 4.5.4.2]
inline constexpr std::uint16_t smtps_port = 465;  // [RFC8314 7.3]
inline constexpr std::uint16_t lmtp_port =
    24;  // Private mail systems; LMTP must not use 25 [RFC2033 5].

/// Where mail may be sent, as written in `via`, `deliver` and `reroute`:
///
///     smtp://HOST[:PORT]  smtps://HOST[:PORT]  lmtp:HOST[:PORT]  lmtp:unix:/PATH
///     pipe:ARGV  maildir:DIR  mbox:FILE  reject:TEXT  discard:  mx:
///
/// HOST is a name, an IPv4 address, or an IPv6 address in brackets.
struct Target {
  Scheme scheme = Scheme::mx;
  grammar::Domain host;    ///< Of smtp, smtps and lmtp by TCP; an address is a literal here.
  std::uint16_t port = 0;  ///< Of these, never 0.
  std::string argument;    ///< DIR, FILE, ARGV, TEXT, or /PATH.
  std::string run_as = {};    ///< Of pipe: whose rights it has; empty: ours. Not printed.

  /// Found by the addresses of `host`.
  [[nodiscard]] bool is_host() const { return !host.empty(); }
  /// Parses to an equal target again; with the port, always.
  [[nodiscard]] std::string print() const;
  /// A mailbox in the home of a user of the machine: `argument` begins with `~/`.
  [[nodiscard]] bool is_in_home() const;

  friend bool operator==(const Target&, const Target&) = default;
};

struct TargetError {
  enum class Code : std::uint8_t {
    malformed,
    misplaced,  ///< `mx:` in `deliver`, say.
  };
  Code code;
  std::string message;  ///< For people: what was expected.
};

using TargetResult = std::expected<Target, TargetError>;

/// Any target. Errors: malformed.
[[nodiscard]] TargetResult parse_target(std::string_view text);
/// For `[[route]] via` and `reroute`: but what is in a home, which is misplaced there.
[[nodiscard]] TargetResult parse_via(std::string_view text);
/// For `[[domain]] deliver`: but smtp://, smtps://, mx: and reject:, which are misplaced there.
[[nodiscard]] TargetResult parse_deliver(std::string_view text);

}  // namespace route
