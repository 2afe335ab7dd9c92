#pragma once

#include <cstdint>
#include <vector>

#include "base/task.h"
#include "delivery/smtp_client.h"
#include "engine/resolver.h"
#include "route/decide.h"
#include "route/mx_lookup.h"

namespace delivery {

/// Asks the DNS what the searches for the hosts of a next hop want to know. References must outlive
/// it.
[[nodiscard]] base::Task<route::MxLookup::Result> find_hosts(engine::Resolver& resolver,
                                                             const route::Decision& decision,
                                                             const route::LookupOptions& options,
                                                             std::uint64_t random,
                                                             route::Steps steps = nullptr);

/// Every address of every host, in the order of trial.
[[nodiscard]] std::vector<HostAddress> addresses_of(const std::vector<route::Host>& hosts);

}  // namespace delivery
