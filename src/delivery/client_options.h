#pragma once

#include <memory>
#include <optional>

#include "delivery/settings.h"
#include "delivery/smtp_client.h"
#include "route/decide.h"

// How a host of a next hop is spoken to.
namespace delivery {

/// Of `lmtp:unix:/path`.
[[nodiscard]] std::optional<HostAddress> unix_address_of(const route::Target& target);

/// How much TLS there must be: as the rule says, or else the configuration; with credentials at
/// least `require`, since these are never sent without TLS [RFC4954 4], as for smtps://; none on a
/// socket in the file system, where nobody listens.
[[nodiscard]] TlsDemand tls_demand(const Settings& settings, const route::Decision& decision,
                                   const HostAddress& address);

[[nodiscard]] SmtpClientOptions client_options(const Settings& settings,
                                               const route::Decision& decision,
                                               const HostAddress& address, TlsDemand demand);

/// Connects to one address of the next hop. `opportunistic` TLS that fails is done without.
[[nodiscard]] base::Task<SmtpClient::Opened> open_client(sys::Net& net, engine::Timers& timers,
                                                         std::shared_ptr<const Settings> settings,
                                                         route::Decision decision,
                                                         HostAddress address);

}  // namespace delivery
