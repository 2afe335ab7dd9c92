#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "policy/policy.h"
#include "policy/rate_limits.h"
#include "policy/session_limits.h"
#include "route/domain_set.h"
#include "route/table.h"
#include "smtp/server_options.h"
#include "sys/tls.h"

namespace directory {
class Snapshot;
class Srs;
}  // namespace directory

namespace reception {

/// What a server behind a domain says of one recipient.
enum class AskedRecipient : std::uint8_t {
  known,
  unknown,      ///< 550 5.1.1
  unavailable,  ///< It could not be asked in time: 451 4.4.3; of a relay domain: taken.
};

/// What became of ETRN.
struct QueueStarted {
  bool started = false;                      ///< False: not now.
  std::optional<std::size_t> messages = {};  ///< Nullopt: too many to count them at once.
};

/// One listener and how it speaks.
struct ListenerSettings {
  base::Endpoint address;
  std::string unix_path;  ///< Of a socket in the file system; empty: TCP.
  /// Of a Unix socket: every user of this machine may connect. Its uid is recorded in place of a
  /// login.
  bool for_all_users = false;
  policy::ListenerRole role = policy::ListenerRole::mx;
  bool needs_auth = true;  ///< On submission and submissions; false in the sandbox.
  smtp::ServerOptions options;
};

/// As the configuration says it: an address and port, or `unix:/path`.
[[nodiscard]] std::string name_of(const ListenerSettings& listener);

/// What the configuration says about accepting mail. Immutable: a reload makes a new one.
struct Settings {
  std::string hostname;
  std::vector<ListenerSettings> listeners;
  policy::RelayRules relay;
  policy::SessionLimits::Options limits;
  policy::RateLimits::Options rates;
  route::DomainSet etrn_domains;
  std::vector<base::Network> etrn_networks;
  std::shared_ptr<const directory::Snapshot> directory;
  std::shared_ptr<const directory::Srs> srs;  ///< Null: senders are not rewritten.
  route::RouteTable routes;                   ///< For `reject:`, which answers at RCPT already.
  std::shared_ptr<sys::TlsContext> tls;       ///< Null: no certificate.
};

}  // namespace reception
