#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "grammar/path.h"
#include "route/step.h"
#include "route/table.h"
#include "route/target.h"

namespace route {

/// The domains whose mailboxes are here, and how mail is delivered to them.
using LocalDomains = std::unordered_map<grammar::Domain, Target>;

/// What a decision rests on. All must outlive the call only.
struct Context {
  const LocalDomains& domains;
  const RouteTable& routes;
  const Origin* origin = nullptr;  ///< nullptr: rules with conditions on it do not match.
};

/// How the next hop is found.
enum class NextHopKind : std::uint8_t {
  local,    ///< A mailbox here: `target` is maildir, mbox, pipe, or lmtp by a Unix socket.
  host,     ///< The addresses of `target.host`, port `target.port`: MxLookup::by_address.
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
  /// Names the next hop canonically: what is equal here shares connections, limits and back-off.
  /// "smtp://gateway.example:2525", "mx:example.org", "mx:[192.0.2.1]", "maildir:", "discard:".
  /// Login and lane follow if there are any: "smtp://gateway.example:25 as u (F) in lane bulk".
  std::string next_hop;
};

/// Where `recipient` goes next: `reroute` of an operator (or nullptr), then `[[route]]`, then
/// `[[domain]]`, then MX. Worked out anew at each attempt. A source route that is still in the path
/// leads to its first name by MX; who accepted the path has taken ourselves off its front.
[[nodiscard]] Decision decide(const grammar::ForwardPath& recipient, const Target* reroute,
                              const Context& context, Steps steps = nullptr);

}  // namespace route
