#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/clock.h"
#include "sim/disk.h"
#include "sim/network.h"
#include "sim/programs.h"
#include "sim/resolver.h"
#include "sim/scheduler.h"
#include "sim/tls.h"
#include "sim/workers.h"

namespace sim {

/// How a machine stops.
enum class Stop : std::uint8_t {
  power_cut,  ///< Nothing passes any more; the disk forgets any subset of what was not synced.
  kill,       ///< As kill -9: what was written is there, the system closes the sockets.
};

/// One host: everything of `sys` for one process that runs on it, life after life.
///
/// When it stops, every operation of the disk and every connect and accept fails with
/// IoErrorCode::cancelled, connections with reset; what is pending completes soon. So its owner can
/// cancel and join its coroutines and destroy the server in order, although nothing that these
/// still do has any effect. Then comes restart().
class Machine {
 public:
  Machine(Scheduler& scheduler, Network& network, const dns::Zone& zone, std::string name,
          std::vector<base::IpAddress> addresses);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine();

  [[nodiscard]] const std::string& name() const { return host_.name(); }
  [[nodiscard]] const base::IpAddress& address() const { return host_.addresses().front(); }

  /// Loops live as long as the machine, and may be used again in its next life.
  SimLoop& make_loop(std::string name);
  [[nodiscard]] sys::Net& net(SimLoop& loop);
  [[nodiscard]] SimDisk& disk() { return disk_; }
  [[nodiscard]] SimClock& clock() { return clock_; }
  [[nodiscard]] sys::Random& random() { return random_; }
  [[nodiscard]] SimResolver& resolver() { return resolver_; }
  [[nodiscard]] SimWorkers& workers() { return workers_; }
  [[nodiscard]] SimPrograms& programs() { return programs_; }
  [[nodiscard]] SimTls& tls() { return tls_; }
  [[nodiscard]] Host& host() { return host_; }

  /// How long syncs and writes take that are not done at once. Between 50 µs and 5 ms by default.
  void set_disk_latency_max(base::Duration latency) { disk_latency_max_ = latency; }

  /// From this moment on nothing that the machine does has an effect. May be called anywhere.
  void stop(Stop how);
  /// At the n-th operation of the disk from now on (0: the next), which is not done any more.
  void stop_at_disk_operation(std::uint64_t n, Stop how);
  /// At a random time within `limit`.
  void stop_within(base::Duration limit, Stop how);
  /// Forgets stops that are still to come.
  void stop_not();
  /// Called outside of all loops, when the step has ended in which the machine stopped: the test
  /// tears its server down.
  void set_on_stop(std::function<void()> act) { on_stop_ = std::move(act); }
  [[nodiscard]] bool is_stopped() const { return stopped_.has_value(); }

  /// The machine is usable again, with what its disk has left. The server of its last life has
  /// been destroyed.
  void restart();

 private:
  [[nodiscard]] bool run_later(std::function<void()> act);

  Scheduler& scheduler_;
  Host& host_;
  Rng rng_;
  SimDisk disk_;
  SimClock clock_;
  SeededRandom random_;
  SimResolver resolver_;
  SimWorkers workers_;
  SimPrograms programs_;
  SimTls tls_;
  base::Duration disk_latency_max_ = std::chrono::milliseconds(5);
  std::vector<std::unique_ptr<SimLoop>> loops_;
  std::map<const SimLoop*, std::unique_ptr<sys::Net>> nets_;  ///< Only looked up.

  std::optional<Stop> stopped_;
  struct Planned {
    std::uint64_t operation;
    Stop how;
  };
  std::optional<Planned> at_operation_;
  std::optional<EventId> at_time_;
  std::function<void()> on_stop_;
};

}  // namespace sim
