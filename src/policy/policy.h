#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/address.h"
#include "grammar/domain.h"

namespace policy {

/// What a listener is for.
enum class ListenerRole : std::uint8_t {
  mx,           ///< Mail from other MTAs.
  submission,   ///< Mail from MUAs, STARTTLS [RFC6409 3.1].
  submissions,  ///< The same with TLS from the first octet [RFC8314 3.3].
  lmtp,         ///< Mail for our own domains, one reply for each recipient [RFC2033].
};

/// What to do with a source route in a forward-path [RFC5321 F.2].
enum class SourceRoutes : std::uint8_t {
  refuse,
  strip,
  honor,  ///< Hop by hop [RFC821 3.6], for clients that may relay.
};

/// `[relay]` of the configuration.
struct RelayRules {
  std::vector<base::Network> networks;          ///< Clients of mx listeners without AUTH.
  std::unordered_set<grammar::Domain> domains;  ///< Anyone may send to these through us.
  /// Whether a recipient in `domains` is there is asked at the next hop, while RCPT waits.
  bool ask = false;
  SourceRoutes source_routes = SourceRoutes::strip;
  /// Under honor: messages that travel by a route get a reverse-path that names us.
  bool reverse_routes = false;
};

/// The peer, as far as its rights go.
struct Client {
  ListenerRole role = ListenerRole::mx;
  base::IpAddress address;
  bool authenticated = false;
  bool needs_auth = true;  ///< On submission and submissions listeners; false in the sandbox.
};

/// May send anywhere: AUTH, a submission listener that needs none, or `relay.networks` on mx
/// listeners.
[[nodiscard]] bool may_relay(const RelayRules& rules, const Client& client);

/// What we think of a MAIL command. The replies are reception's.
enum class SenderVerdict : std::uint8_t {
  accepted,
  auth_required,   ///< 530 5.7.0
  not_own_sender,  ///< 553 5.7.1
};

/// `may_send_as`: of an authenticated client, whether the reverse-path is one of its own, or null.
[[nodiscard]] SenderVerdict judge_sender(const Client& client, bool may_send_as);

/// What we think of a RCPT command. The replies are reception's.
enum class RecipientVerdict : std::uint8_t {
  accepted,
  source_route_refused,  ///< 550 5.1.3
  unknown_recipient,     ///< 550 5.1.1
  relaying_denied,       ///< 550 5.7.1
  source_route_loops,    ///< 550 5.4.6
  rejected_by_route,     ///< 550 5.7.1 and the text of the route.
};

/// What is known about one forward-path.
struct Recipient {
  bool has_source_route = false;
  bool goes_by_others = false;      ///< Honored, and its source route names other hosts than us.
  bool source_route_loops = false;  ///< Honored, and its source route names a host twice.
  bool is_local = false;            ///< Its domain is ours.
  bool is_known = false;            ///< Only if local: there is such a recipient.
  /// Of a recipient that is not local. Percent and bang in local-parts mean nothing.
  const grammar::Domain& domain;
  std::optional<std::string_view> route_rejects =
      {};  ///< TEXT of the `reject:` route that matches.
};

struct RecipientDecision {
  RecipientVerdict verdict = RecipientVerdict::accepted;
  std::string text;  ///< Why, in our words or those of the route; for reply, log and trace.
};

/// The rules in the order of the contract: source route, recipient known, permission, route. By a
/// source route that names other hosts only those go who may relay, wherever it ends.
[[nodiscard]] RecipientDecision judge_recipient(const RelayRules& rules, const Client& client,
                                                const Recipient& recipient);

}  // namespace policy
