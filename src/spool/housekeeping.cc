#include <algorithm>

#include "spool/parts.h"

namespace spool {

using base::Io;

namespace {

/// Between two tries of something that the disk refuses.
constexpr base::Duration retry_delay = std::chrono::seconds(1);
/// On a full disk each frame takes from the reserve: so many records, or so long, are worth one.
constexpr std::size_t scarce_records = 64;
constexpr base::Duration scarce_delay = std::chrono::seconds(30);

}  // namespace

void Spool::Parts::add_lazy(Record record) {
  if (!lazy) {
    lazy = std::make_unique<Submission>();
    lazy->separate = true;
    lazy->essential = true;
    lazy_since = world.home.now();
  }
  lazy->records.push_back(std::move(record));
  flush_signal.raise();
}

void Spool::Parts::flush_lazy() {
  if (!lazy) return;
  ++lazy_in_flight;
  ++submissions;
  lazy->context = this;
  lazy->finished = [](Submission& batch) noexcept {
    static_cast<Parts*>(batch.context)->lazy_finished(batch);
  };
  committer.submit(*lazy.release());
}

bool Spool::Parts::lazy_is_due() const {
  if (!lazy || lazy->records.size() >= scarce_records) return true;
  if (world.home.now() - lazy_since >= scarce_delay) return true;
  // It is all that the oldest segment waits for.
  const auto in_oldest = [this](const auto& message) {
    return message.second.epoch == oldest_epoch;
  };
  const auto oldest = segments.find(oldest_epoch);
  return oldest != segments.end() && static_cast<std::uint64_t>(std::ranges::count_if(
                                         finishing, in_oldest)) == oldest->second.live;
}

void Spool::Parts::lazy_finished(Submission& batch) {
  const std::unique_ptr<Submission> owned(&batch);
  --lazy_in_flight;
  lazy_failing = !batch.result;
  if (!batch.result) {
    requeue(batch);
    return;
  }
  for (Record& record : batch.records) logged(record);
}

void Spool::Parts::requeue(Submission& batch) {
  std::vector<Record> newer;
  if (lazy) newer = std::move(lazy->records);
  lazy.reset();
  for (Record& record : batch.records) {
    if (record.type == RecordType::hop) {
      const auto hop = decode_hop(record.body);
      const auto known = hops.find(hop->key);
      const std::string_view blob = known == hops.end() ? std::string_view() : known->second.blob;
      if (hop->blob != blob) continue;  // A newer one is on its way.
    }
    add_lazy(std::move(record));
  }
  for (Record& record : newer) add_lazy(std::move(record));
}

void Spool::Parts::logged(Record& record) {
  use(record.placed.epoch);
  switch (record.type) {
    case RecordType::state:
      store.put_state(record.id, record.aux, (record.flags & record_full) != 0, record.placed);
      store.remove_pending(record.id, record.aux);
      break;
    case RecordType::done: bury(record.id); break;
    case RecordType::hop: {
      const auto hop = decode_hop(record.body);
      const auto known = hops.find(hop->key);
      if (known != hops.end() && known->second.blob == hop->blob)
        known->second.epoch = record.placed.epoch;
      break;
    }
    case RecordType::damage: {
      const auto body = decode_damage(record.body);
      for (KnownDamage& known : damage_notes)
        if (known.body.epoch == body->epoch && known.body.offset == body->offset &&
            known.body.id == body->id)
          known.noted_in = record.placed.epoch;
      break;
    }
    case RecordType::content:
    case RecordType::accepted:
    case RecordType::ended: break;
  }
}

base::Task<Io<>> Spool::Parts::nap(base::Duration duration, base::Operation*& napping) {
  const base::Instant until = world.home.now() + duration;
  const Io<> slept = co_await base::operation<Io<>>([&](sys::Completion<>& done) {
    auto at_once = world.home.sleep_until(until, done);
    if (!at_once) napping = &done;
    return at_once;
  });
  napping = nullptr;
  co_return slept;
}

void Spool::Parts::mark() {
  auto order = std::make_unique<Submission>();
  order->kind = Submission::Kind::mark;
  order->finished = [](Submission& finished) noexcept {
    const std::unique_ptr<Submission> owned(&finished);
  };
  committer.submit(*order.release());
}

base::Task<> Spool::Parts::flush_task() {
  while (!stopping) {
    co_await flush_signal.wait();
    // Once the log has been idle for a while, a mark says that all before it is durable, so that
    // damage to the last frame is not taken for its being torn.
    for (std::uint64_t seen = submissions - 1; seen != submissions && !stopping;) {
      seen = submissions;
      const Io<> slept =
          co_await nap(lazy_failing ? retry_delay : options.outcome_delay, flush_nap);
      if (stopping) co_return;
      if (!slept) break;
      if (is_scarce() && !lazy_is_due()) {
        if (!co_await nap(retry_delay, flush_nap)) break;
        --seen;
        continue;
      }
      flush_lazy();
      if (seen == submissions && !is_scarce()) mark();
    }
  }
}

base::Task<> Spool::Parts::remove_orphans() {
  for (;;) {
    // What an orphan belonged to must be forgotten durably first.
    Submission first;
    first.essential = true;
    if (co_await submit(first)) break;
    if (stopping || !co_await nap(retry_delay, clean_nap)) co_return;
  }
  for (const std::uint64_t number : std::exchange(orphans, {})) contents.remove(number);
  for (const std::uint32_t epoch : std::exchange(gone_segments, {})) {
    const std::string path = options.directory + "/" + segment_name(epoch);
    const bool damaged = std::ranges::any_of(
        damage_notes, [epoch](const KnownDamage& known) { return known.body.epoch == epoch; });
    if (damaged)
      static_cast<void>(
          world.home_disk.rename(path, options.directory + "/" + damaged_segment_name(epoch)));
    else
      static_cast<void>(world.home_disk.unlink(path));
  }
}

base::Task<> Spool::Parts::clean_task() {
  co_await remove_orphans();
  while (!stopping) {
    co_await clean_signal.wait();
    while (!stopping) {
      const Io<bool> more = co_await clean();
      if (more && !*more) break;
      if (!more && !co_await nap(retry_delay, clean_nap)) break;
    }
  }
}

base::Task<> Spool::Parts::run() {
  running = true;
  {
    base::Group tasks;
    tasks.spawn(flush_task());
    tasks.spawn(clean_task());
    co_await tasks.join();
  }
  running = false;
  stop_signal.raise();
}

base::Task<> Spool::Parts::stop() {
  stopping = true;
  flush_signal.raise();
  clean_signal.raise();
  if (flush_nap != nullptr) flush_nap->cancel();
  if (clean_nap != nullptr) clean_nap->cancel();
  while (running) co_await stop_signal.wait();

  flush_lazy();
  struct Last : Submission {
    Signal* came = nullptr;
    bool is_back = false;
  } last;
  last.kind = Submission::Kind::stop;
  last.came = &stop_signal;
  last.finished = [](Submission& finished) noexcept {
    auto& its = static_cast<Last&>(finished);
    its.is_back = true;
    its.came->raise();
  };
  committer.submit(last);
  while (!last.is_back) co_await stop_signal.wait();
  const bool all_logged = !lazy && attempts.empty() && store.pending().empty() && finishing.empty();
  if (all_logged) journal->remove();
  lock.reset();
}

}  // namespace spool
