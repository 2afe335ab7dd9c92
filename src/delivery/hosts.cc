#include "delivery/hosts.h"

#include "route/fail_over.h"

namespace delivery {

using route::MxLookup;

namespace {

/// `resolver` outlives it.
[[nodiscard]] base::Task<MxLookup::Result> search(engine::Resolver& resolver, MxLookup lookup) {
  while (!lookup.finished()) {
    for (const dns::Question& question : lookup.next_questions()) {
      lookup.answer(question, co_await resolver.resolve(question));
    }
  }
  co_return lookup.result();
}

}  // namespace

base::Task<route::MxLookup::Result> find_hosts(engine::Resolver& resolver,
                                               const route::Decision& decision,
                                               const route::LookupOptions& options,
                                               std::uint64_t random, route::Steps steps) {
  if (decision.kind != route::NextHopKind::host) {
    co_return co_await search(resolver, MxLookup::by_mx(decision.domain, options, random, steps));
  }
  route::FailOver found;
  for (const route::HostPort& host : decision.target.hosts) {
    const auto result = co_await search(
        resolver, MxLookup::by_address(host.host, host.port, options, random, steps));
    if (!found.add(result)) break;
  }
  co_return found.take();
}

std::vector<HostAddress> addresses_of(const std::vector<route::Host>& hosts) {
  std::vector<HostAddress> out;
  for (const route::Host& host : hosts) {
    for (const base::IpAddress& address : host.addresses) {
      out.push_back({host.name, {address, host.port}});
    }
  }
  return out;
}

}  // namespace delivery
