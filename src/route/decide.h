#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "grammar/path.h"
#include "grammar/source_route.h"
#include "route/step.h"
#include "route/table.h"
#include "route/target.h"
#include "route/tls_demand.h"

namespace route {

/// The domains whose mailboxes are here, and how mail is delivered to them.
using LocalDomains = std::unordered_map<grammar::Domain, Target>;

/// What a decision rests on. All must outlive the call only.
struct Context {
  const LocalDomains& domains;
  const RouteTable& routes;
  const Origin* origin = nullptr;  ///< nullptr: rules with conditions on it do not match.
  /// The recipient was given by a client that may relay: Rule::rewrite counts.
  bool may_rewrite = false;
};

/// How the next hop is found.
enum class NextHopKind : std::uint8_t {
  local,    ///< A mailbox here: `target` is maildir, mbox, pipe, or lmtp by a Unix socket.
  host,     ///< The addresses of `target.hosts`, in their order: MxLookup::by_address, FailOver.
  mx,       ///< The MX records of `domain`, or the address that it is: MxLookup::by_mx.
  discard,  ///< Done.
  reject,   ///< 550 5.7.1 with `target.argument`.
};

struct Decision {
  NextHopKind kind = NextHopKind::mx;
  Target target;           ///< The scheme is mx when no rule and no domain of ours decided.
  grammar::Domain domain;  ///< Of kind mx: whose records are asked.
  std::string lane;        ///< Of the rule.
  std::shared_ptr<const RouteAuth> auth = {};  ///< Of the rule: as whom we log in there.
  std::optional<TlsDemand> tls = {};           ///< Of the rule; nullopt: as for all deliveries.
  /// Names the next hop canonically: what is equal here shares connections, limits and back-off.
  /// "smtp://gateway.example:2525,other.example:25", "mx:example.org", "mx:[192.0.2.1]",
  /// "maildir:", "discard:". Login, TLS and lane of the rule follow if there are any:
  /// "smtp://gateway.example:25 as u (F) with TLS verify in lane bulk".
  std::string next_hop;
  /// Of a rule for a gateway: the recipient as it is said there.
  std::optional<grammar::Mailbox> rewritten = {};
};

/// Where `recipient` goes next: `reroute` of an operator (or nullptr), then `[[route]]`, then
/// `[[domain]]`, then MX. Worked out anew at each attempt. A source route that is still in the path
/// leads to its first name as mail for that domain goes; who accepted the path has taken ourselves
/// off its front.
[[nodiscard]] Decision decide(const grammar::ForwardPath& recipient, const Target* reroute,
                              const Context& context, Steps steps = nullptr);

/// What `reject:` rules are asked with. All must outlive the call only.
struct Rules {
  const RouteTable& table;
  const grammar::IsOurs& is_ours;  ///< Whether a domain's mailboxes are here.
  const Origin* origin = nullptr;
  bool may_rewrite = false;  ///< As in Context.
};

/// TEXT of the `reject:` rule that a recipient meets, if it does. Nothing goes round one: a source
/// route is refused when a rule refuses its mailbox or any of its hosts, a gateway's address when a
/// rule refuses the address behind it. Of a host rules see the domain alone.
[[nodiscard]] std::optional<std::string_view> rejecting_text(const grammar::ForwardPath& recipient,
                                                             const Rules& rules);

}  // namespace route
