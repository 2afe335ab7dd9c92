#include "sim/world.h"

#include <utility>

#include "base/assert.h"

namespace sim {

World::World(std::uint64_t seed) : Scheduler(seed), network_(*this) {}

World::~World() { forget_all(); }

Machine& World::make_machine(std::string name, const std::vector<std::string>& addresses) {
  PH_ASSERT(!addresses.empty());
  std::vector<base::IpAddress> parsed;
  for (const std::string& address : addresses) {
    const auto one = base::IpAddress::parse(address);
    PH_ASSERT(one);
    parsed.push_back(*one);
  }
  return machines_.emplace_back(*this, network_, zone_, std::move(name), std::move(parsed));
}

}  // namespace sim
