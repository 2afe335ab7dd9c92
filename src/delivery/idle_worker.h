#pragma once

#include "delivery/delivery.h"

namespace delivery {

/// A worker that has an open connection and nothing to do.
class Delivery::IdleWorker final : public engine::Deadline {
 public:
  IdleWorker(engine::Timers& timers, sys::Loop& loop) : Deadline(timers), signal(loop) {}
  engine::Signal signal;

 private:
  void expired() noexcept override { signal.notify(); }
};

}  // namespace delivery
