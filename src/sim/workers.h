#pragma once

#include <deque>

#include "sim/scheduler.h"
#include "sys/workers.h"

namespace sim {

/// Runs jobs outside of the loops, some virtual time after they were given; several side by side,
/// so that they end in any order.
class SimWorkers final : public sys::Workers {
 public:
  struct Options {
    std::size_t threads = 2;
    std::size_t line_max = 64;  ///< Jobs that wait for a thread.
    base::Duration job_max = std::chrono::milliseconds(60);
  };
  SimWorkers(Scheduler& scheduler, const Options& options);
  SimWorkers(const SimWorkers&) = delete;
  SimWorkers& operator=(const SimWorkers&) = delete;
  ~SimWorkers() override;

  [[nodiscard]] sys::Now<> run(sys::Job& job, sys::Loop& home, sys::Completion<>& done) override;

 private:
  struct Order {
    sys::Job& job;
    sys::Loop& home;
    sys::Completion<>& done;
  };
  void start(const Order& order);

  Scheduler& scheduler_;
  Rng rng_;
  Options options_;
  std::size_t running_ = 0;
  std::deque<Order> line_;
};

}  // namespace sim
