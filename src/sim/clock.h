#pragma once

#include "sim/scheduler.h"
#include "sys/clock.h"

namespace sim {

/// One machine's idea of civil time.
class SimClock final : public sys::Clock {
 public:
  explicit SimClock(const Scheduler& scheduler) : scheduler_(scheduler) {}

  [[nodiscard]] base::WallTime wall() const override { return scheduler_.wall() + error_; }
  /// The clock jumps: from now on it is wrong by so much.
  void set_error(std::chrono::milliseconds error) { error_ = error; }

 private:
  const Scheduler& scheduler_;
  std::chrono::milliseconds error_{0};
};

}  // namespace sim
