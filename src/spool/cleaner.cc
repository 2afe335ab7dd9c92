#include <algorithm>

#include "spool/parts.h"

// Freeing and copying forward. The oldest segment goes first, always: so no record that older ones
// need can go before them, and what is left to decide is only when to copy what is still live.
namespace spool {

using base::Io;
using base::MessageId;

namespace {

/// Copied at once, so that those who wait for a commit don't wait long.
constexpr std::size_t copies_max = 64;
constexpr std::uint64_t copy_octets_max = 1u << 20;
/// Segments beside twice what is live, before a well filled one is copied to get at those behind
/// it.
constexpr std::uint64_t spare_segments = 4;
/// In octets. A segment with less in it does not hold the room that is wanted.
constexpr std::uint64_t roll_octets_min = 4 * block_octets;

}  // namespace

base::Task<Io<bool>> Spool::Parts::clean() {
  const std::uint32_t epoch = oldest_epoch;
  if (epoch >= newest_epoch) {
    if (newest_epoch == 0 || use(epoch).live > 0 || !is_worth_rolling()) co_return false;
    if (const Io<> rolled = co_await roll(); !rolled) co_return std::unexpected(rolled.error());
    co_return true;
  }
  if (use(epoch).live == 0) {
    if (const Io<> carried = co_await carry_notes(epoch); !carried)
      co_return std::unexpected(carried.error());
    if (const Io<> freed = co_await free_oldest(); !freed) co_return std::unexpected(freed.error());
    co_return true;
  }
  if (!should_copy(epoch)) co_return false;
  const Io<std::size_t> copied = co_await copy_forward(epoch);
  if (!copied) co_return std::unexpected(copied.error());
  // What is left is done, and its end will be durable soon.
  co_return *copied > 0;
}

bool Spool::Parts::is_worth_rolling() const {
  const LogGauges& log = committer.gauges();
  return is_scarce() &&
         log.frame_octets.load(std::memory_order_relaxed) - rolled_at >= roll_octets_min;
}

base::Task<Io<>> Spool::Parts::roll() {
  Submission order;
  order.kind = Submission::Kind::roll;
  const Stored<> rolled = co_await submit(order);
  if (!rolled) co_return std::unexpected(rolled.error().cause);
  use(order.epoch);
  rolled_at = committer.gauges().frame_octets.load(std::memory_order_relaxed);
  co_return Io<>{};
}

bool Spool::Parts::should_copy(std::uint32_t epoch) const {
  const std::uint64_t behind = newest_epoch - epoch;
  if (behind < 2 || is_scarce()) return false;
  const std::uint64_t live = segments.at(epoch).live_octets;
  if (live < options.segment_octets / 4) return true;
  return behind * options.segment_octets >
         2 * live_octets + spare_segments * options.segment_octets;
}

Io<std::unique_ptr<Submission>> Spool::Parts::copy_of(MessageId id) {
  const Entry& entry = *store.find(id);
  auto copy = std::make_unique<Submission>();
  const std::uint64_t content_octets = entry.size - entry.prefix_octets;
  if (entry.content_file == 0 && content_octets > 0) {
    Record& record = copy->records.emplace_back();
    record.type = RecordType::content;
    record.id = id;
    record.copy_of = {entry.accepted.epoch, entry.content_offset,
                      static_cast<std::uint32_t>(content_octets), entry.content_crc};
  }
  Record& record = copy->records.emplace_back();
  record.type = RecordType::accepted;
  record.id = id;
  record.aux = entry.content_file;
  record.copy_of = entry.accepted;
  if (entry.version == 0) return copy;

  auto loaded = store.load(id);
  if (!loaded) {
    if (loaded.error().code == base::IoErrorCode::failed && store.last_damage().id == id) {
      quarantine(store.last_damage());
      return std::unique_ptr<Submission>();
    }
    return std::unexpected(loaded.error());
  }
  std::erase_if(loaded->items, [](const StatusItem& item) { return item.version == 0; });
  if (loaded->items.empty()) return copy;
  Record& state = copy->records.emplace_back();
  state.type = RecordType::state;
  state.id = id;
  state.aux = entry.version;
  state.flags = record_full;
  state.body = encode_items(loaded->items);
  return copy;
}

base::Task<Io<std::size_t>> Spool::Parts::copy_forward(std::uint32_t epoch) {
  struct Copy {
    std::unique_ptr<Submission> submission;
    Location from;
  };
  std::vector<Copy> copies;
  std::uint64_t octets = 0;
  std::vector<MessageId>& ids = use(epoch).ids;
  std::erase_if(ids, [&](MessageId id) {
    const Entry* const entry = store.find(id);
    return entry == nullptr || entry->accepted.epoch != epoch;
  });
  const std::vector<MessageId> candidates = ids;
  for (const MessageId id : candidates) {
    if (copies.size() >= copies_max || octets >= copy_octets_max) break;
    if (store.find(id) == nullptr || committing.contains(id)) continue;
    auto copy = copy_of(id);
    if (!copy) co_return std::unexpected(copy.error());
    if (*copy == nullptr) continue;
    octets += octets_in_frame(**copy);
    copies.push_back({std::move(*copy), store.find(id)->accepted});
  }
  if (copies.empty()) co_return std::size_t{0};

  flush_lazy();
  struct Waiter {
    Signal signal;
    std::size_t left;
  } waiter{Signal(world.home), copies.size()};
  for (Copy& copy : copies) {
    copy.submission->context = &waiter;
    copy.submission->finished = [](Submission& finished) noexcept {
      auto& its = *static_cast<Waiter*>(finished.context);
      if (--its.left == 0) its.signal.raise();
    };
    committer.submit(*copy.submission);
  }
  ++submissions;
  while (waiter.left > 0) co_await waiter.signal.wait();
  Io<> result;
  for (const Copy& copy : copies) {
    copied(*copy.submission, copy.from);
    const bool damaged = std::ranges::any_of(copy.submission->records, &Record::damaged);
    if (!copy.submission->result && !damaged)
      result = std::unexpected(copy.submission->result.error().cause);
  }
  if (!result) co_return std::unexpected(result.error());
  co_return copies.size();
}

void Spool::Parts::copied(const Submission& copy, const Location& from) {
  const MessageId id = copy.records.front().id;
  Entry* const entry = store.find(id);
  if (entry == nullptr || entry->accepted != from) return;
  for (const Record& record : copy.records)
    if (record.damaged)
      quarantine(
          {.id = id,
           .epoch = from.epoch,
           .offset = record.type == RecordType::content ? entry->content_offset : from.offset,
           .length = record.type == RecordType::content ? entry->size - entry->prefix_octets
                                                        : from.length,
           .content_file = entry->content_file,
           .what = record.type == RecordType::content ? "content" : "envelope"});
  if (!copy.result) return;
  release(from.epoch, entry->log_octets());
  for (const Record& record : copy.records) {
    if (record.type == RecordType::content) entry->content_offset = record.placed.offset;
    if (record.type == RecordType::accepted) entry->accepted = record.placed;
    if (record.type == RecordType::state) store.put_state(id, record.aux, true, record.placed);
  }
  SegmentUse& segment = use(entry->accepted.epoch);
  ++segment.live;
  segment.live_octets += entry->log_octets();
  segment.ids.push_back(id);
  live_octets += entry->log_octets();
  ++counters.copied_forward;
}

base::Task<Io<>> Spool::Parts::carry_notes(std::uint32_t epoch) {
  Submission notes;
  notes.essential = true;
  for (const auto& [key, hop] : hops) {
    if (hop.epoch != epoch) continue;
    Record& record = notes.records.emplace_back();
    record.type = RecordType::hop;
    record.body = encode_hop(key, hop.blob);
  }
  for (const KnownDamage& known : damage_notes) {
    if (known.noted_in != epoch) continue;
    Record& record = notes.records.emplace_back();
    record.type = RecordType::damage;
    record.id = known.body.id;
    record.body = encode_damage(known.body);
  }
  if (notes.records.empty()) co_return Io<>{};
  const Stored<> stored = co_await submit(notes);
  if (!stored) co_return std::unexpected(stored.error().cause);
  for (Record& record : notes.records) logged(record);
  co_return Io<>{};
}

base::Task<Io<>> Spool::Parts::free_oldest() {
  Submission order;
  order.kind = Submission::Kind::free_segment;
  order.epoch = oldest_epoch;
  order.keep = use(oldest_epoch).damaged;
  const Stored<> freed = co_await submit(order);
  if (!freed) co_return std::unexpected(freed.error().cause);
  store.forget_segment(oldest_epoch);
  segments.erase(oldest_epoch);
  ++oldest_epoch;
  ++counters.segments_freed;
  co_return Io<>{};
}

}  // namespace spool
