#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "dns/zone.h"
#include "sim/machine.h"
#include "sim/network.h"
#include "sim/scheduler.h"

namespace sim {

/// A whole internet made of one seed: time, machines, the network between them, and its DNS. The
/// same seed and the same calls give the same run, octet for octet.
///
/// Declared before everything that runs in it.
class World final : public Scheduler {
 public:
  explicit World(std::uint64_t seed);
  ~World() override;

  [[nodiscard]] Network& network() { return network_; }
  [[nodiscard]] dns::Zone& zone() { return zone_; }
  [[nodiscard]] Link& link(Machine& a, Machine& b) { return network_.link(a.host(), b.host()); }

  /// `addresses` in text form; at least one.
  Machine& make_machine(std::string name, const std::vector<std::string>& addresses);

 private:
  Network network_;
  dns::Zone zone_;
  std::deque<Machine> machines_;
};

}  // namespace sim
