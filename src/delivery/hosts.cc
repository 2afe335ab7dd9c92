#include "delivery/hosts.h"

namespace delivery {

base::Task<route::MxLookup::Result> find_hosts(engine::Resolver& resolver,
                                               const route::Decision& decision,
                                               const route::LookupOptions& options,
                                               std::uint64_t random, route::Steps steps) {
  using route::MxLookup;
  MxLookup search =
      decision.kind == route::NextHopKind::host
          ? MxLookup::by_address(decision.target.host, decision.target.port, options, random, steps)
          : MxLookup::by_mx(decision.domain, options, random, steps);
  while (!search.finished()) {
    for (const dns::Question& question : search.next_questions()) {
      search.answer(question, co_await resolver.resolve(question));
    }
  }
  co_return search.result();
}

std::vector<HostAddress> addresses_of(const std::vector<route::Host>& hosts, std::uint16_t port) {
  std::vector<HostAddress> out;
  for (const route::Host& host : hosts) {
    for (const base::IpAddress& address : host.addresses) {
      out.push_back({host.name, {address, port}});
    }
  }
  return out;
}

}  // namespace delivery
