#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/domain.h"

namespace route {

enum class Scheme : std::uint8_t { smtp, smtps, lmtp, pipe, maildir, mbox, discard, mx, reject };

inline constexpr std::uint16_t smtp_port = 25;    // [RFC5321 4.5.4.2]
inline constexpr std::uint16_t smtps_port = 465;  // [RFC8314 7.3]
inline constexpr std::uint16_t lmtp_port =
    24;  // Private mail systems; LMTP must not use 25 [RFC2033 5].

/// Named in one target.
inline constexpr std::size_t via_hosts_max = 20;

/// A host that mail is handed to.
struct HostPort {
  grammar::Domain host;    ///< An address is a literal here.
  std::uint16_t port = 0;  ///< Never 0.

  [[nodiscard]] std::string print() const;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

/// Where mail may be sent, as written in `via`, `deliver` and `reroute`:
///
///     smtp://HOSTS  smtps://HOSTS  lmtp:HOSTS  lmtp:unix:/PATH
///     pipe:ARGV  maildir:DIR  mbox:FILE  reject:TEXT  discard:  mx:
///
/// HOSTS are HOST[:PORT], one or several with commas between, which are tried in this order; each
/// may repeat the scheme (`smtp://a,smtp://b`). HOST is a name, an IPv4 address, or an IPv6 address
/// in brackets.
struct Target {
  Scheme scheme = Scheme::mx;
  /// Of smtp, smtps and lmtp by TCP: at most via_hosts_max, none of them twice.
  std::vector<HostPort> hosts = {};
  std::string argument = {};  ///< DIR, FILE, ARGV, TEXT, or /PATH.
  std::string run_as = {};    ///< Of pipe: whose rights it has; empty: ours. Not printed.

  /// Found by the addresses of `hosts`.
  [[nodiscard]] bool is_host() const { return !hosts.empty(); }
  /// Parses to an equal target again; with the ports, always.
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
