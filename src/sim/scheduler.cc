#include "sim/scheduler.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace sim {

using namespace std::chrono_literals;

namespace {

/// In nanoseconds: what one step costs at most.
constexpr std::uint64_t step_cost_max = 3'000;
/// In nanoseconds: how late a timer may be.
constexpr std::uint64_t timer_lateness_max = 1'000'000;
constexpr base::WallTime world_begins{std::chrono::sys_days{std::chrono::year{2030} / 1 / 1}};

}  // namespace

struct SimLoop::Soon final : base::Posted {
  explicit Soon(std::function<void()> what) : act(std::move(what)) { run = &go; }
  static void go(Posted& posted) noexcept {
    const std::unique_ptr<Soon> self(static_cast<Soon*>(&posted));
    self->act();
  }
  std::function<void()> act;
};

SimLoop::SimLoop(Scheduler& scheduler, std::string name)
    : scheduler_(scheduler), name_(std::move(name)) {}

SimLoop::~SimLoop() {
  std::erase(scheduler_.ready_, this);
  // What others posted belongs to them.
  while (first_ != nullptr) {
    base::Posted* const posted = std::exchange(first_, first_->next);
    if (posted->run == &Soon::go) delete static_cast<Soon*>(posted);
  }
}

base::Instant SimLoop::now() const { return scheduler_.now(); }

void SimLoop::post(base::Posted& first, base::Posted& last) noexcept {
  last.next = nullptr;
  if (first_ == nullptr) {
    first_ = &first;
    scheduler_.ready_.push_back(this);
  } else {
    last_->next = &first;
  }
  last_ = &last;
}

sys::Now<> SimLoop::sleep_until(base::Instant when, sys::Completion<>& done) {
  if (when <= now()) {
    if (scheduler_.rng_.coin()) return base::Io<>{};
    done.queue_result({});
    post(done, done);
    return std::nullopt;
  }
  const base::Duration late(scheduler_.rng_.below(timer_lateness_max));
  const EventId event = scheduler_.at(when + late, [this, &done] {
    sleeps_.erase(&done);
    done.queue_result({});
    post(done, done);
  });
  sleeps_.emplace(&done, event);
  done.set_cancel(this, [](void* owner, base::Operation& operation) noexcept {
    static_cast<SimLoop*>(owner)->wake_cancelled(static_cast<sys::Completion<>&>(operation));
  });
  return std::nullopt;
}

void SimLoop::wake_cancelled(sys::Completion<>& done) {
  const auto found = sleeps_.find(&done);
  PH_ASSERT(found != sleeps_.end());
  scheduler_.forget(found->second);
  sleeps_.erase(found);
  done.queue_result(base::io_error(base::IoErrorCode::cancelled));
  post(done, done);
}

void SimLoop::enter(const std::function<void()>& act) {
  PH_ASSERT(scheduler_.current_ == nullptr);
  scheduler_.current_ = this;
  act();
  take_back_lent();
  scheduler_.current_ = nullptr;
}

void SimLoop::run_soon(std::function<void()> act) {
  auto* const soon = new Soon(std::move(act));
  post(*soon, *soon);
}

std::string_view SimLoop::lend(std::string octets) {
  lent_.push_back(std::make_unique<std::string>(std::move(octets)));
  return *lent_.back();
}

void SimLoop::take_back_lent() {
  for (const auto& octets : lent_) std::ranges::fill(*octets, '\xdd');
  lent_.clear();
}

void SimLoop::run_one() {
  base::Posted& posted = *first_;
  first_ = posted.next;
  if (first_ == nullptr) std::erase(scheduler_.ready_, this);
  posted.next = nullptr;
  posted.run(posted);
  take_back_lent();
}

Scheduler::Scheduler(std::uint64_t seed) : rng_(seed) {}
Scheduler::~Scheduler() = default;

base::WallTime Scheduler::wall() const {
  return world_begins +
         std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch());
}

EventId Scheduler::at(base::Instant when, std::function<void()> act) {
  const EventId event{std::max(when, now_), next_event_++};
  events_.emplace(event, std::move(act));
  return event;
}

EventId Scheduler::after(base::Duration delay, std::function<void()> act) {
  return at(now_ + delay, std::move(act));
}

void Scheduler::forget_all() {
  events_.clear();
  after_step_.clear();
}

void Scheduler::run_after_step() {
  while (!after_step_.empty()) {
    const std::vector<std::function<void()>> acts = std::exchange(after_step_, {});
    for (const auto& act : acts) act();
  }
}

void Scheduler::run_event() {
  auto event = events_.extract(events_.begin());
  now_ = std::max(now_, event.key().when);
  event.mapped()();
}

bool Scheduler::step(base::Instant limit) {
  PH_ASSERT(current_ == nullptr);
  run_after_step();
  const bool is_due = !events_.empty() && events_.begin()->first.when <= now_;
  const std::size_t choices = ready_.size() + (is_due ? 1 : 0);
  if (choices == 0) {
    if (events_.empty() || events_.begin()->first.when > limit) return false;
    run_event();
  } else if (const std::size_t choice = rng_.below(choices); choice == ready_.size()) {
    run_event();
  } else {
    now_ += base::Duration(rng_.below(step_cost_max));
    current_ = ready_[choice];
    current_->run_one();
    current_ = nullptr;
  }
  ++steps_;
  add_to_fingerprint(choices);
  run_after_step();
  return true;
}

void Scheduler::add_to_fingerprint(std::uint64_t what) {
  constexpr std::uint64_t prime = 0x100000001b3;
  for (const std::uint64_t number :
       {what, static_cast<std::uint64_t>(now_.time_since_epoch().count())})
    fingerprint_ = (fingerprint_ ^ number) * prime;
}

Ran Scheduler::run_until(base::Instant when) {
  for (const std::uint64_t last = steps_ + steps_max_; now_ < when;) {
    if (steps_ >= last) return Ran::stuck;
    if (!step(when)) now_ = when;
  }
  return Ran::done;
}

Ran Scheduler::run_until_idle(base::Duration limit) {
  const base::Instant until = now_ + limit;
  for (const std::uint64_t last = steps_ + steps_max_; now_ <= until;) {
    if (steps_ >= last) return Ran::stuck;
    if (step(until)) continue;
    return events_.empty() ? Ran::done : Ran::timed_out;
  }
  return Ran::timed_out;
}

Ran Scheduler::run_while(const std::function<bool()>& condition, base::Duration limit) {
  const base::Instant until = now_ + limit;
  for (const std::uint64_t last = steps_ + steps_max_; condition();) {
    if (steps_ >= last) return Ran::stuck;
    if (now_ > until) return Ran::timed_out;
    if (!step(until)) return events_.empty() ? Ran::idle : Ran::timed_out;
  }
  return Ran::done;
}

}  // namespace sim
