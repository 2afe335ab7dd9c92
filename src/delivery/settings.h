#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/address.h"
#include "base/secret.h"
#include "queue/queue.h"
#include "route/decide.h"
#include "route/domain_set.h"
#include "route/mx_lookup.h"
#include "route/table.h"
#include "route/tls_demand.h"
#include "sys/tls.h"

namespace directory {
class Snapshot;
}

namespace delivery {

using route::TlsDemand;

/// What the configuration says about deliveries. Immutable: a reload makes a new one.
struct Settings {
  std::string hostname;
  std::string helo;
  route::LookupOptions lookup;
  route::LocalDomains domains;
  route::RouteTable routes;
  bool rewrites = false;        ///< A rule of `routes` has a Rule::rewrite.
  bool honors_routes = false;   ///< Source routes are honored.
  bool reverse_routes = false;  ///< And messages that travel by one get a way back.
  std::shared_ptr<const directory::Snapshot> directory;
  TlsDemand tls = TlsDemand::opportunistic;
  std::shared_ptr<sys::TlsContext> tls_client;
  std::optional<base::IpAddress> source_v4, source_v6;
  std::size_t messages_per_connection = 100;
  /// Of route::RouteAuth, by password_file.
  std::unordered_map<std::string, base::Secret> passwords = {};
  route::DomainSet etrn = {};  ///< Whose mail waits until it is asked for.
  queue::Options queue = {};   ///< Without `retry`: those in force stay.
};

}  // namespace delivery
