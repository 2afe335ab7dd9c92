#include "sim/workers.h"

#include "base/assert.h"

namespace sim {

SimWorkers::SimWorkers(Scheduler& scheduler, const Options& options)
    : scheduler_(scheduler), rng_(scheduler.rng().fork()), options_(options) {}

SimWorkers::~SimWorkers() { PH_ASSERT(running_ == 0 && line_.empty()); }

sys::Now<> SimWorkers::run(sys::Job& job, sys::Loop& home, sys::Completion<>& done) {
  const Order order{job, home, done};
  if (running_ < options_.threads) {
    start(order);
  } else if (line_.size() < options_.line_max) {
    line_.push_back(order);
  } else {
    return base::io_error(base::IoErrorCode::busy);
  }
  return std::nullopt;
}

void SimWorkers::start(const Order& order) {
  ++running_;
  const base::Duration takes(rng_.below(static_cast<std::uint64_t>(options_.job_max.count()) + 1));
  scheduler_.after(takes, [this, order] {
    order.job.work();
    order.done.set_result({});
    order.home.post(order.done, order.done);
    --running_;
    if (line_.empty()) return;
    const Order next = line_.front();
    line_.pop_front();
    start(next);
  });
}

}  // namespace sim
