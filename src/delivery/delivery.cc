#include "delivery/delivery.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/codec.h"
#include "delivery/local_worker.h"
#include "delivery/smtp_worker.h"
#include "grammar/path.h"

namespace delivery {

using base::Duration;
using base::Instant;
using base::WallTime;
using queue::Entry;

namespace {

/// What waits in memory for its first attempt, and how many before it still count as soon.
constexpr std::size_t fresh_octets_max = std::size_t{16} << 20;
constexpr std::size_t fresh_waiting_max = 512;
/// How long a connection is kept open for the next message.
constexpr Duration idle_connection_max = std::chrono::seconds(5);

WallTime wall_of(std::int64_t milliseconds) {
  return WallTime(std::chrono::milliseconds(milliseconds));
}

}  // namespace

std::string encode_hop(const HopRecord& record) {
  std::string out;
  base::Encoder encoder(out);
  encoder.number(std::uint8_t{1});  // Version.
  encoder.number(record.next_probe.time_since_epoch().count());
  encoder.number(static_cast<std::uint32_t>(record.failures.size()));
  for (const queue::HopFailure& failure : record.failures) {
    encoder.number(failure.time.time_since_epoch().count());
  }
  encoder.text(record.failures.empty() ? "" : record.failures.back().reply);
  return out;
}

std::optional<HopRecord> decode_hop(std::string_view blob) {
  base::Decoder decoder(blob);
  HopRecord out;
  if (decoder.number<std::uint8_t>() != 1) return std::nullopt;
  out.next_probe = wall_of(decoder.number<std::int64_t>());
  const auto count = decoder.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && decoder.ok(); ++i) {
    out.failures.push_back({wall_of(decoder.number<std::int64_t>()), {}});
  }
  const std::string_view reply = decoder.text();
  if (!decoder.ok()) return std::nullopt;
  if (!out.failures.empty()) out.failures.back().reply = reply;
  return out;
}

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

/// A worker that has an open connection and nothing to do.
class Delivery::IdleWorker final : public engine::Deadline {
 public:
  IdleWorker(engine::Timers& timers, sys::Loop& loop) : Deadline(timers), signal(loop) {}
  engine::Signal signal;

 private:
  void expired() noexcept override { signal.notify(); }
};

Delivery::Delivery(const DeliveryWorld& world, queue::Options options,
                   std::shared_ptr<const Settings> settings)
    : world_(world),
      settings_(std::move(settings)),
      queue_(std::move(options)),
      ledger_(world.spool, world.log, world.clock, world.random,
              [this](const spool::StoredMessage& report) { accepted(report); }),
      signal_(world.loop),
      wake_(std::make_unique<Wake>(world.timers, signal_)),
      grace_(std::make_unique<Grace>(world.timers, workers_)) {
  ledger_.set_hostname(settings_->hostname);
}

Delivery::~Delivery() = default;

Instant Delivery::instant(WallTime time) const {
  const auto left = std::max(time - world_.clock.wall(), std::chrono::milliseconds(0));
  // A clock that was wrong must not make mail wait longer than any schedule does.
  return now() + std::min<Duration>(left, queue_.options().retry.back() * 2);
}

WallTime Delivery::wall_time(Instant time) const {
  return world_.clock.wall() + std::chrono::ceil<std::chrono::milliseconds>(time - now());
}

void Delivery::message(const spool::RecoveredMessage& message) {
  for (const std::uint32_t recipient : message.newly_unknown) {
    const spool::RecipientStatus& status = message.statuses[recipient];
    ledger_.announce_unknown(message.id, message.envelope, recipient, status.via,
                             status.next_attempt);
  }
  file(message.id, message.envelope, message.statuses);
}

void Delivery::hop(std::string_view key, std::string_view blob) {
  auto record = decode_hop(blob);
  if (!record || record->failures.empty()) return;
  queue_.restore(queue_.hop(key), std::move(record->failures), instant(record->next_probe));
}

void Delivery::accepted(const spool::StoredMessage& message,
                        const std::vector<spool::Expanded>& /*expanded*/) {
  const bool soon = file(message.id, *message.envelope, {});
  if (soon && message.content && fresh_octets_ + message.size <= fresh_octets_max) {
    fresh_octets_ += message.size;
    fresh_.emplace(message.id, message);
  }
}

void Delivery::forget_fresh(base::MessageId id) {
  const auto fresh = fresh_.find(id);
  if (fresh == fresh_.end()) return;
  fresh_octets_ -= fresh->second.size;
  fresh_.erase(fresh);
}

bool Delivery::file(base::MessageId id, const spool::Envelope& envelope,
                    const std::vector<spool::RecipientStatus>& statuses) {
  // Few next hops for one message: a list is searched faster than a map is built.
  std::vector<std::pair<route::Decision, std::unique_ptr<Entry>>> entries;
  const route::Context context{settings_->domains, settings_->routes};
  const Instant present = now();
  const Instant arrived = present - (world_.clock.wall() - envelope.received);
  for (std::uint32_t i = 0; i < envelope.recipients.size(); ++i) {
    static const spool::RecipientStatus untried;
    const spool::RecipientStatus& status = statuses.empty() ? untried : statuses[i];
    if (is_final(status.state) || status.state == spool::RecipientState::held) continue;
    const auto path = grammar::ForwardPath::parse(envelope.recipients[i].forward_path);
    if (!path) continue;
    route::Decision decision = route::decide(*path, nullptr, context);
    const Instant due = status.attempts == 0 ? present : instant(status.next_attempt);
    auto same = std::ranges::find_if(entries, [&](const auto& entry) {
      return entry.first.next_hop == decision.next_hop && entry.second->due == due;
    });
    if (same == entries.end()) {
      auto entry = std::make_unique<Entry>();
      entry->id = id;
      entry->due = due;
      entry->attempts = status.attempts;
      entry->expires = arrived + queue_.options().expire;
      entries.emplace_back(std::move(decision), std::move(entry));
      same = std::prev(entries.end());
    }
    same->second->recipients.push_back(i);
  }
  bool soon = false;
  for (auto& [decision, entry] : entries) {
    const queue::NextHop* hop = queue_.find_hop(decision.next_hop);
    soon = soon || hop == nullptr || (!hop->backing_off() && hop->waiting() < fresh_waiting_max);
    add(std::move(entry), decision);
  }
  return soon;
}

void Delivery::add(std::unique_ptr<Entry> entry, const route::Decision& decision) {
  const bool local = decision.kind == route::NextHopKind::local ||
                     decision.kind == route::NextHopKind::discard ||
                     decision.kind == route::NextHopKind::reject;
  add(std::move(entry), queue_.hop(decision.next_hop, local ? 1 : 0));
}

void Delivery::add(std::unique_ptr<Entry> entry, queue::NextHop& hop) {
  if (queue_.add(std::move(entry), hop, now())) {
    auto& idle = idle_[&hop];
    if (!idle.empty()) {
      idle.back()->signal.notify();
      idle.pop_back();
      return;
    }
  }
  rouse();
}

void Delivery::rouse() {
  const Instant next = queue_.next_wake();
  if (next <= now()) {
    signal_.notify();
  } else if (next != Instant::max()) {
    wake_->set(next);
  }
}

base::Task<> Delivery::run() {
  queue_.forget_unused();
  for (;;) {
    while (auto expired = queue_.next_expired(now())) co_await expire(std::move(expired));
    if (stopping_) break;
    while (auto next = queue_.next_worker(now())) workers_.spawn(work(std::move(*next)));
    if (queue_.next_wake() != Instant::max()) wake_->set(queue_.next_wake());
    if (stopping_) break;
    (void)co_await signal_.wait();
    if (stopping_) break;
  }
  wake_->clear();
  co_await workers_.join();
  grace_->clear();
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
  if (is_local_hop(hop.key())) {
    LocalWorker worker(*this, hop);
    co_await worker.run(std::move(work.entry));
  } else {
    SmtpWorker worker(*this, hop);
    co_await worker.run(std::move(work.entry));
  }
  if (const auto idle = idle_.find(&hop); idle != idle_.end() && idle->second.empty()) {
    idle_.erase(idle);
  }
  queue_.worker_ended(hop, now());
  rouse();
}

std::optional<Letter> Delivery::open(std::unique_ptr<Entry>& entry, route::Decision& decision) {
  std::optional<Letter> letter;
  if (const auto fresh = fresh_.find(entry->id); fresh != fresh_.end()) {
    letter = letter_of(fresh->second);
    forget_fresh(entry->id);
  } else if (base::Io<Letter> loaded = load_letter(world_.spool, entry->id)) {
    letter = std::move(*loaded);
  } else {
    // Quarantined, or the disk cannot be read: a quarantined one is the spool's from now on.
    if (loaded.error().code == base::IoErrorCode::not_found || !world_.spool.contains(entry->id)) {
      queue_.finished(std::move(entry), now());
    } else {
      entry->due = now() + queue_.retry_delay(++entry->attempts, world_.random.next());
      queue::NextHop& hop = *entry->hop;
      add(std::move(entry), hop);
    }
    return std::nullopt;
  }

  // Where each recipient goes is worked out anew; what goes elsewhere by now leaves the entry.
  const route::Context context{settings_->domains, settings_->routes};
  std::vector<std::uint32_t> staying;
  for (const std::uint32_t recipient : entry->recipients) {
    const auto path =
        grammar::ForwardPath::parse(letter->envelope->recipients[recipient].forward_path);
    if (!path) continue;
    route::Decision decided = route::decide(*path, nullptr, context);
    if (decided.next_hop == entry->hop->key()) {
      staying.push_back(recipient);
      decision = std::move(decided);
      continue;
    }
    auto moved = std::make_unique<Entry>(*entry);
    moved->hop = nullptr;
    moved->recipients = {recipient};
    add(std::move(moved), decided);
  }
  entry->recipients = std::move(staying);
  if (!entry->recipients.empty()) return letter;
  queue_.finished(std::move(entry), now());
  return std::nullopt;
}

base::Task<> Delivery::close(std::unique_ptr<Entry> entry, const Letter& letter,
                             std::vector<Result> results, const Attempt& attempt) {
  ++entry->attempts;
  const Duration delay = queue_.retry_delay(entry->attempts, world_.random.next());
  entry->due = now() + delay;
  // What can't be tried again within its time is given up when that time is over, not before.
  const WallTime next_attempt = wall_time(std::min(entry->due, entry->expires));
  const bool recorded = co_await ledger_.record(letter, results, attempt, next_attempt);

  entry->recipients.clear();
  for (const Result& result : results) {
    const bool final = result.outcome != dsn::Outcome::deferred;
    const bool failure = final && result.outcome != dsn::Outcome::delivered;
    if (!final || (failure && !recorded)) entry->recipients.push_back(result.recipient);
  }
  if (entry->recipients.empty()) {
    queue_.finished(std::move(entry), now());
    co_return;
  }
  std::ranges::sort(entry->recipients);
  if (!recorded) entry->due = now() + queue_.retry_delay(1, world_.random.next());
  queue::NextHop& hop = *entry->hop;
  add(std::move(entry), hop);
}

void Delivery::hop_failed(std::unique_ptr<Entry> entry, const Attempt& attempt,
                          const std::string& reply) {
  queue::NextHop& hop = *entry->hop;
  if (stopping_) return add(std::move(entry), hop);  // Cut off by us: the hop is not to blame.
  const std::size_t known = hop.failures().size();
  queue_.failed(hop, {world_.clock.wall(), reply}, now(), world_.random.next());
  const WallTime next_probe = wall_time(hop.next_probe());
  add(std::move(entry), hop);
  if (hop.failures().size() == known && known < queue::NextHop::failures_max) return;
  world_.spool.put_hop(hop.key(), encode_hop({hop.failures(), next_probe}));

  std::vector<std::pair<base::MessageId, std::vector<std::uint32_t>>> waiting;
  queue_.visit(hop, [&](Entry& waits) {
    forget_fresh(waits.id);
    if (std::exchange(waits.announced, true)) return;
    waiting.emplace_back(waits.id, waits.recipients);
  });
  if (waiting.empty()) return;
  workers_.spawn(announce(hop.key(), attempt, reply, std::move(waiting)));
}

base::Task<> Delivery::announce(
    std::string hop, Attempt attempt, std::string reply,
    std::vector<std::pair<base::MessageId, std::vector<std::uint32_t>>> waiting) {
  std::size_t done = 0;
  for (const auto& [id, recipients] : waiting) {
    const base::Io<Letter> letter = load_letter(world_.spool, id);
    const queue::NextHop* next = queue_.find_hop(hop);
    if (!letter || next == nullptr || !next->backing_off()) continue;
    for (const std::uint32_t recipient : recipients) {
      if (is_final(letter->statuses[recipient].state)) continue;
      ledger_.announce_wait(id, *letter->envelope, recipient, attempt, reply,
                            wall_time(next->next_probe()));
    }
    if (++done % 64 == 0) co_await sys::Yield(world_.loop);
    if (stopping_) co_return;
  }
}

void Delivery::hop_reached(queue::NextHop& hop) {
  if (!hop.backing_off()) return;
  queue_.reached(hop, now());
  world_.spool.put_hop(hop.key(), "");
  signal_.notify();
}

base::Task<> Delivery::expire(std::unique_ptr<Entry> entry) {
  route::Decision decision;
  std::optional<Letter> letter = open(entry, decision);
  if (!letter) co_return;
  const queue::NextHop& hop = *entry->hop;
  std::vector<Result> results;
  for (const std::uint32_t recipient : entry->recipients) {
    const spool::RecipientStatus& status = letter->statuses[recipient];
    Result result{.recipient = recipient, .outcome = dsn::Outcome::expired};
    result.reply = hop.backing_off() ? hop.failures().back().reply : status.last_reply;
    const bool has_code = result.reply.size() > 3 && result.reply[0] == '4';
    result.status = has_code ? "" : "4.4.7";
    results.push_back(std::move(result));
  }
  co_await close(std::move(entry), *letter, std::move(results), {.via = hop.key()});
}

base::Task<std::unique_ptr<Entry>> Delivery::next_entry(queue::NextHop& hop) {
  if (stopping_) co_return nullptr;
  if (auto entry = take(hop)) co_return entry;
  if (hop.backing_off()) co_return nullptr;
  IdleWorker idle(world_.timers, world_.loop);
  idle.set(now() + idle_connection_max);
  idle_[&hop].push_back(&idle);
  queue_.worker_idle(hop, true);
  (void)co_await idle.signal.wait();
  queue_.worker_idle(hop, false);
  std::erase(idle_[&hop], &idle);
  co_return take(hop);
}

std::unique_ptr<Entry> Delivery::take(queue::NextHop& hop) {
  if (stopping_) return nullptr;
  auto entry = queue_.take(hop, now());
  rouse();
  return entry;
}

std::size_t Delivery::retry(const Chosen& wanted) {
  const std::size_t count = queue_.retry(
      [&](const Entry& entry) {
        const auto chosen = wanted(entry.id);
        if (!chosen) return entry.recipients;
        std::vector<std::uint32_t> both;
        std::ranges::set_intersection(entry.recipients, *chosen, std::back_inserter(both));
        return both;
      },
      now());
  // Open connections come first: whoever waits on one looks for work again.
  for (auto& [hop, workers] : idle_) {
    for (IdleWorker* worker : std::exchange(workers, {})) worker->signal.notify();
  }
  signal_.notify();
  return count;
}

void Delivery::reload(std::shared_ptr<const Settings> settings) { settings_ = std::move(settings); }

const queue::NextHop* Delivery::find_hop(std::string_view key) const {
  return queue_.find_hop(key);
}

}  // namespace delivery
