#include "delivery/delivery.h"

#include <algorithm>
#include <utility>

#include "delivery/client_options.h"
#include "delivery/idle_worker.h"
#include "delivery/local_worker.h"
#include "delivery/smtp_worker.h"
#include "delivery/tokens.h"

namespace delivery {

using base::Duration;
using base::Instant;
using base::WallTime;
using queue::Entry;

namespace {

/// How long a connection is kept open for the next message.
constexpr Duration idle_connection_max = std::chrono::seconds(5);
/// Entries that are expired, or whose delay is told, at once: each waits for the disk.
constexpr std::size_t overdue_max = 32;

}  // namespace

/// Wakes the dispatcher when something is due.
class Delivery::Wake final : public engine::Deadline {
 public:
  Wake(engine::Timers& timers, engine::Signal& signal) : Deadline(timers), signal_(signal) {}

 private:
  void expired() noexcept override { signal_.notify(); }
  engine::Signal& signal_;
};

/// Cuts off the workers that have not ended in time.
class Delivery::Grace final : public engine::Deadline {
 public:
  Grace(engine::Timers& timers, base::Group& workers) : Deadline(timers), workers_(workers) {}

 private:
  void expired() noexcept override { workers_.cancel(); }
  base::Group& workers_;
};

Delivery::Delivery(const DeliveryWorld& world, queue::Options options,
                   std::shared_ptr<const Settings> settings)
    : world_(world),
      settings_(std::move(settings)),
      queue_(std::move(options)),
      ledger_({.spool = world.spool,
               .log = world.log,
               .clock = world.clock,
               .random = world.random,
               .on_report = [this](const spool::StoredMessage& report) { accepted(report); },
               .spawn = [this](base::Task<> task) { workers_.spawn(std::move(task)); }}),
      notes_(world.log),
      tokens_(std::make_unique<Tokens>(Tokens::World{world.loop, world.disk, world.programs})),
      signal_(world.loop),
      wake_(std::make_unique<Wake>(world.timers, signal_)),
      grace_(std::make_unique<Grace>(world.timers, workers_)) {
  ledger_.set_settings(settings_);
  queue_.set_on_forgotten([this](const std::string& key) { world_.spool.put_hop(key, ""); });
}

Delivery::~Delivery() = default;

ClientWorld Delivery::client_world() {
  return {world_.net, world_.timers, world_.random, &world_.workers, tokens_.get()};
}

Instant Delivery::instant(WallTime time) const {
  const auto left = std::max(time - world_.clock.wall(), std::chrono::milliseconds(0));
  // A clock that was wrong must not make mail wait longer than any schedule does.
  return now() + std::min<Duration>(left, options().retry.back() * 2);
}

WallTime Delivery::wall_time(Instant time) const {
  return world_.clock.wall() + std::chrono::ceil<std::chrono::milliseconds>(time - now());
}

Instant Delivery::next_wake() const {
  const Instant due = queue_.next_due();
  return overdue_ < overdue_max ? std::min(due, queue_.next_deadline()) : due;
}

void Delivery::rouse() {
  const Instant next = next_wake();
  if (next <= now()) {
    signal_.notify();
  } else if (next != Instant::max()) {
    wake_->set(next);
  }
}

base::Task<> Delivery::run() {
  running_ = true;
  damage_seen_ = world_.spool.damage().size();
  queue_.forget_unused();
  if (reloads_ > 0) workers_.spawn(refile_outdated());
  while (!stopping_) {
    while (overdue_ < overdue_max) {
      auto entry = queue_.next_overdue(now());
      if (!entry) break;
      workers_.spawn(overdue(std::move(entry)));
    }
    while (auto next = queue_.next_worker(now())) workers_.spawn(work(std::move(*next)));
    if (next_wake() != Instant::max()) wake_->set(next_wake());
    if (!stopping_) (void)co_await signal_.wait();
  }
  wake_->clear();
  co_await workers_.join();
  grace_->clear();
  running_ = false;
}

void Delivery::stop() {
  stopping_ = true;
  signal_.notify();
  for (auto& [hop, workers] : idle_) {
    for (IdleWorker* worker : workers) worker->signal.notify();
  }
  grace_->set(now() + stop_grace);
}

void Delivery::abort() {
  stop();
  workers_.cancel();
}

base::Task<> Delivery::work(queue::Work work) {
  queue::NextHop& hop = *work.hop;
  const std::uint64_t since = reloads_;
  ++workers_since_[since];
  if (is_local_hop(hop.key())) {
    LocalWorker worker(*this, hop);
    co_await worker.run(std::move(work.entry));
  } else {
    SmtpWorker worker(*this, hop);
    co_await worker.run(std::move(work.entry));
  }
  if (--workers_since_[since] == 0) workers_since_.erase(since);
  forget_retired();
  if (const auto idle = idle_.find(&hop); idle != idle_.end() && idle->second.empty()) {
    idle_.erase(idle);
  }
  queue_.worker_ended(hop, now());
  rouse();
}

/// Old settings go when nobody who began under them, or before, is left.
void Delivery::forget_retired() {
  while (!retired_.empty() &&
         (workers_since_.empty() || workers_since_.begin()->first > retired_.front().first)) {
    retired_.pop_front();
  }
}

base::Task<std::unique_ptr<Entry>> Delivery::next_entry(queue::NextHop& hop) {
  if (stopping_) co_return nullptr;
  const Instant patience = now() + idle_connection_max;
  for (;;) {
    if (auto entry = take(hop)) co_return entry;
    const bool ends = stopping_ || hop.backing_off() || queue_.is_crowded(hop, now());
    if (ends || now() >= patience) co_return nullptr;
    IdleWorker idle(world_.timers, world_.loop);
    const Instant start = queue_.may_start(hop, now());
    idle.set(start > now() ? std::min(start, patience) : patience);
    idle_[&hop].push_back(&idle);
    queue_.worker_idle(hop, true);
    (void)co_await idle.signal.wait();
    queue_.worker_idle(hop, false);
    std::erase(idle_[&hop], &idle);
  }
}

std::unique_ptr<Entry> Delivery::take(queue::NextHop& hop) {
  if (stopping_) return nullptr;
  auto entry = queue_.take(hop, now());
  rouse();
  return entry;
}

void Delivery::reload(std::shared_ptr<const Settings> settings) {
  retired_.emplace_back(reloads_++, std::exchange(settings_, std::move(settings)));
  forget_retired();
  ledger_.set_settings(settings_);
  queue_.set_options(settings_->queue.retry.empty() ? options() : settings_->queue, now());
  if (running_) workers_.spawn(refile_outdated());
  signal_.notify();
}

const queue::NextHop* Delivery::find_hop(std::string_view key) const {
  return queue_.find_hop(key);
}

}  // namespace delivery
