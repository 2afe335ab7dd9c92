#pragma once

#include <memory>
#include <optional>

#include "delivery/settings.h"
#include "delivery/smtp_client.h"
#include "route/decide.h"

namespace sys {
class Random;
class Workers;
}  // namespace sys

// How a host of a next hop is spoken to.
namespace delivery {

class Tokens;

/// Of `lmtp:unix:/path`.
[[nodiscard]] std::optional<HostAddress> unix_address_of(const route::Target& target);

/// How much TLS there must be: as the rule says, or else the configuration; with credentials at
/// least `require`, since these are never sent without TLS [RFC4954 4], as for smtps://; none on a
/// socket in the file system, where nobody listens.
[[nodiscard]] TlsDemand tls_demand(const Settings& settings, const route::Decision& decision,
                                   const HostAddress& address);

/// All but the login.
[[nodiscard]] SmtpClientOptions client_options(const Settings& settings,
                                               const route::Decision& decision,
                                               const HostAddress& address, TlsDemand demand);

/// What clients meet the world through; all outlive the call. The last two are for logins.
struct ClientWorld {
  sys::Net& net;
  engine::Timers& timers;
  sys::Random& random;
  sys::Workers* workers = nullptr;  ///< Null: what takes long is calculated on the loop.
  Tokens* tokens = nullptr;         ///< Null: nobody logs in with a token.
};

/// Connects to one address of the next hop, and logs in there if the decision says so.
/// `opportunistic` TLS that fails is done without. A token that was kept, and is refused, is asked
/// for anew at once.
[[nodiscard]] base::Task<SmtpClient::Opened> open_client(ClientWorld world,
                                                         std::shared_ptr<const Settings> settings,
                                                         route::Decision decision,
                                                         HostAddress address);

}  // namespace delivery
