#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "base/address.h"
#include "sys/linux/loop.h"
#include "sys/resolver.h"

namespace sys::real {

struct ResolverOptions {
  /// Asked in this order: the next one only when one fails or stays silent; one that did is asked
  /// last for a while. Empty: those of /etc/resolv.conf. At most `servers_max` count.
  std::vector<base::Endpoint> servers;
  /// For one look-up, with all the servers that it takes.
  std::chrono::milliseconds timeout = std::chrono::seconds(5);
  /// Look-ups in flight; beyond it resolve() is `busy`.
  std::size_t in_flight_max = 1'000;

  static constexpr std::size_t servers_max = 4;
};

/// Asks recursive servers through libunbound, which runs on a thread of its own. For one loop.
/// Destroyed only while nothing is pending.
[[nodiscard]] std::unique_ptr<Resolver> make_resolver(RealLoop& loop,
                                                      const ResolverOptions& options = {});

/// The servers that a resolv.conf names, at port 53; the local host when it names none.
[[nodiscard]] std::vector<base::Endpoint> parse_resolv_conf(std::string_view text);

}  // namespace sys::real
