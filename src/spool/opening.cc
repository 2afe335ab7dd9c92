#include <algorithm>

#include "spool/parts.h"
#include "spool/tell.h"

namespace spool {

using base::Io;
using base::IoErrorCode;
using base::MessageId;

base::Task<Io<Recovered>> Spool::Parts::open(RecoverySink& sink) {
  if (const Io<> made = co_await sys::make_directories(world.home_disk, options.directory); !made)
    co_return std::unexpected(made.error());
  const std::string content_directory = store.content_directory();
  if (const Io<> made = co_await sys::make_directories(world.home_disk, content_directory); !made)
    co_return std::unexpected(made.error());
  auto lock_file = world.home_disk.open(options.directory + "/lock", sys::OpenMode::append);
  if (!lock_file) co_return std::unexpected(lock_file.error());
  const Io<bool> locked = (*lock_file)->try_lock();
  if (!locked) co_return std::unexpected(locked.error());
  if (!*locked) co_return base::io_error(IoErrorCode::busy);
  lock = std::move(*lock_file);

  Io<Recovery> recovery = recover(world.home_disk, store);
  if (!recovery) co_return std::unexpected(recovery.error());
  Recovered out;
  out.segments = recovery->segments.size();
  out.forgotten = recovery->forgotten;
  const std::vector<std::uint32_t> old_journals = recovery->journals;
  const Unknown unknown = unknown_of(*recovery);
  // On a full disk the next segment needs it. A hint: what is read stays the same.
  for (const Ended& segment : recovery->roomy) {
    const std::string path = options.directory + "/" + segment_name(segment.epoch);
    if (const auto file = world.home_disk.open(path, sys::OpenMode::read_write))
      static_cast<void>((*file)->truncate(segment.offset));
  }
  take_over(*recovery);
  const Io<> told =
      tell(store, sink, unknown, out, [this](const DamageBody& found) { quarantine(found); });
  if (!told) co_return std::unexpected(told.error());
  for (const auto& [key, hop] : hops) sink.hop(key, hop.blob);
  out.damage = damage;

  const std::uint32_t next_journal = old_journals.empty() ? 1 : old_journals.back() + 1;
  journal = std::make_unique<Journal>(Journal::World{world.home, world.home_disk, world.random},
                                      options.directory, options.journal_octets, next_journal);
  journal->find_spare();
  if (options.synchronous) co_await journal->make_durable_spare();
  if (co_await journal->restart([this] { return journal_snapshot(); }))
    for (const std::uint32_t number : old_journals) journal->remove_old(number);
  // From now on two files change places.
  if (options.synchronous) co_await journal->make_durable_spare();
  co_return out;
}

void Spool::Parts::take_over(Recovery& recovery) {
  last_id = recovery.last_id;
  hops = std::move(recovery.hops);
  oldest_epoch = recovery.segments.empty() ? recovery.next_epoch : recovery.segments.begin()->first;
  for (const auto& [epoch, octets] : recovery.segments) use(epoch);

  for (const auto& [id, entry] : store.entries()) {
    SegmentUse& segment = use(entry.accepted.epoch);
    ++segment.live;
    segment.live_octets += entry.log_octets();
    live_octets += entry.log_octets();
    segment.ids.push_back(id);
  }
  for (auto& [epoch, segment] : segments) std::ranges::sort(segment.ids);

  bool nameless = false;
  for (KnownDamage& known : recovery.damage) {
    const std::uint32_t noted_in = known.noted_in;
    nameless = nameless || known.body.id.value == 0;
    if (const auto segment = segments.find(known.body.epoch); segment != segments.end())
      segment->second.damaged = true;
    quarantine(known.body);
    // A note that is there already comes once more, which does no harm.
    damage_notes.back().noted_in = noted_in;
  }

  for (Recovery::LateChange& late : recovery.late) {
    Record record;
    record.id = late.id;
    if (late.done) {
      record.type = RecordType::done;
      record.aux = store.find(late.id)->version;
      retire(late.id);
    } else {
      record = state_record(late.id, late.items);
    }
    add_lazy(std::move(record));
  }
  counters = {};

  std::unordered_set<std::uint64_t> kept;
  for (const auto& [id, entry] : store.entries()) kept.insert(entry.content_file);
  for (const auto& [id, where] : finishing) kept.insert(where.content_file);
  for (const KnownDamage& known : damage_notes) kept.insert(known.body.content_file);
  for (const std::uint64_t number : recovery.content_files) {
    contents.set_last(number);
    // What a damaged envelope refers to, nobody knows.
    if (!nameless && !kept.contains(number)) orphans.push_back(number);
  }

  opening = std::make_unique<Submission>();
  opening->records = std::move(recovery.unsure);
  for (const Record& record : opening->records) opening_places.push_back(record.placed);
  opening->context = this;
  opening->finished = [](Submission& submission) noexcept {
    static_cast<Parts*>(submission.context)->opening_finished();
  };
  gone_segments = std::move(recovery.gone);
  committer.start(oldest_epoch, recovery.next_epoch, std::move(recovery.ended), opening.get());
}

void Spool::Parts::opening_finished() {
  std::uint32_t content_offset = 0;
  for (std::size_t i = 0; i < opening->records.size(); ++i) {
    const Record& record = opening->records[i];
    use(record.placed.epoch);
    Entry* const entry = store.find(record.id);
    if (record.type == RecordType::content) content_offset = record.placed.offset;
    if (record.type == RecordType::state)
      store.move_state(record.id, opening_places[i], record.placed);
    if (record.type == RecordType::hop || record.type == RecordType::damage)
      logged(opening->records[i]);
    if (record.type != RecordType::accepted || entry == nullptr ||
        entry->accepted != opening_places[i])
      continue;
    release(entry->accepted.epoch, entry->log_octets());
    entry->accepted = record.placed;
    if (entry->content_file == 0) entry->content_offset = content_offset;
    SegmentUse& segment = use(record.placed.epoch);
    ++segment.live;
    segment.live_octets += entry->log_octets();
    segment.ids.push_back(record.id);
    live_octets += entry->log_octets();
  }
  opening.reset();
  clean_signal.raise();
}

}  // namespace spool
