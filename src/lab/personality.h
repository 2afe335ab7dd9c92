#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/time.h"

namespace lab {

/// What distinguishes one foreign host from another; as it stands: a modern one that takes
/// everything. Rates are in thousandths.
struct Personality {
  std::vector<std::string> offers = {"PIPELINING", "8BITMIME", "SIZE 100000000",
                                     "ENHANCEDSTATUSCODES"};
  bool knows_ehlo = true;  ///< Or it is a host of [RFC821].
  bool lmtp = false;
  base::Duration greylists{};      ///< 451 for so long, for each sender and recipient.
  base::Duration full_until{};     ///< 452 to every RCPT until then, since the world began.
  unsigned storm_per_mille = 0;    ///< Of the commands that get a 4yz.
  unsigned drops_per_mille = 0;    ///< Of what it reads or says: there it hangs up.
  bool breaks_tls = false;         ///< Offers STARTTLS, and the handshake fails.
  bool closes_before_dot = false;  ///< Every second time: at the dot, and has nothing.
  bool closes_after_dot = false;   ///< Every second time: at the dot, and has the message.
  bool refuses_routes = false;     ///< 501 to a source route.
  bool forgets = false;            ///< Says 250 and keeps nothing: what no host may do.
  bool silent = false;             ///< Takes connections, and says nothing.
  base::Duration each_octet{};     ///< A tarpit: so long for each octet of a reply.
  /// Mailboxes, by local-part: the only ones, if there are any, and those that do not exist.
  std::set<std::string> mailboxes = {};
  std::set<std::string> unknown = {};
};

}  // namespace lab
