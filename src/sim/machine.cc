#include "sim/machine.h"

#include <utility>

#include "base/assert.h"

namespace sim {

namespace {

constexpr base::Duration disk_latency_min = std::chrono::microseconds(50);

}  // namespace

Machine::Machine(Scheduler& scheduler, Network& network, const dns::Zone& zone, std::string name,
                 std::vector<base::IpAddress> addresses)
    : scheduler_(scheduler),
      host_(network.add_host(std::move(name), std::move(addresses))),
      rng_(scheduler.rng().fork()),
      disk_(rng_.next()),
      clock_(scheduler),
      random_(rng_.fork()),
      resolver_(scheduler, zone),
      workers_(scheduler, {}),
      programs_(scheduler),
      tls_(rng_.fork()) {
  disk_.set_later([this](std::function<void()> act) { return run_later(std::move(act)); });
  disk_.set_observer([this](DiskOperation, const std::string&, std::uint64_t ordinal) {
    if (at_operation_ && ordinal >= at_operation_->operation) stop(at_operation_->how);
  });
}

Machine::~Machine() = default;

SimLoop& Machine::make_loop(std::string name) {
  loops_.push_back(std::make_unique<SimLoop>(scheduler_, host_.name() + "/" + std::move(name)));
  return *loops_.back();
}

sys::Net& Machine::net(SimLoop& loop) {
  std::unique_ptr<sys::Net>& net = nets_[&loop];
  if (!net) net = host_.make_net(loop);
  return *net;
}

bool Machine::run_later(std::function<void()> act) {
  SimLoop* const loop = scheduler_.current();
  if (loop == nullptr || rng_.coin()) return false;
  const auto spread = static_cast<std::uint64_t>(disk_latency_max_.count());
  scheduler_.after(disk_latency_min + base::Duration(rng_.below(spread + 1)),
                   [loop, act = std::move(act)] { loop->run_soon(act); });
  return true;
}

void Machine::stop(Stop how) {
  if (stopped_) return;
  stopped_ = how;
  stop_not();
  disk_.halt();
  resolver_.halt();
  programs_.halt();
  switch (how) {
    case Stop::power_cut: host_.power_off(); break;
    case Stop::kill: host_.kill(); break;
  }
  if (on_stop_) scheduler_.after_step(on_stop_);
}

void Machine::stop_at_disk_operation(std::uint64_t n, Stop how) {
  at_operation_ = Planned{disk_.operations() + n, how};
}

void Machine::stop_within(base::Duration limit, Stop how) {
  stop_not();
  const base::Duration wait(rng_.below(static_cast<std::uint64_t>(limit.count()) + 1));
  at_time_ = scheduler_.after(wait, [this, how] {
    at_time_.reset();
    stop(how);
  });
}

void Machine::stop_not() {
  at_operation_.reset();
  if (at_time_) scheduler_.forget(*at_time_);
  at_time_.reset();
}

void Machine::restart() {
  PH_ASSERT(stopped_);
  switch (*stopped_) {
    case Stop::power_cut: disk_.power_cut(); break;
    case Stop::kill: disk_.kill(); break;
  }
  stopped_.reset();
  host_.start();
  resolver_.start();
  programs_.start();
}

}  // namespace sim
