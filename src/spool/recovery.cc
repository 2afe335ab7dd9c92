#include "spool/recovery.h"

#include <algorithm>

#include "spool/segment_reader.h"

namespace spool {

using base::Io;
using base::MessageId;

namespace {

/// In octets. A journal is restarted far below this.
constexpr std::size_t journal_file_octets_max = 256u << 20;

/// Applies what the segments say, the oldest first.
class Replay final : public SegmentVisitor {
 public:
  Replay(Store& store, Recovery& out) : store_(store), out_(out) {}

  void record(const RecordHead& head, const Location& location, std::string_view body) override {
    out_.last_id = std::max(out_.last_id, head.type == RecordType::ended ? MessageId{} : head.id);
    switch (head.type) {
      case RecordType::content:
        content_id_ = head.id;
        content_ = location;
        break;
      case RecordType::accepted: accepted(head, location, body); break;
      case RecordType::state: state(head, location, body); break;
      case RecordType::done:
        store_.erase(head.id);
        damaged_.erase(head.id);
        break;
      case RecordType::hop: hop(location, body); break;
      case RecordType::ended: break;  // Known already.
      case RecordType::damage: noted(location, body); break;
    }
  }

  void damage(const DamageBody& damage, RecordType type) override {
    if (damage.id.value == 0) {
      nameless_.push_back(damage);
      return;
    }
    out_.last_id = std::max(out_.last_id, damage.id);
    // A state matters only while it is the newest of a live message.
    if (type == RecordType::state && store_.find(damage.id) == nullptr) return;
    damaged_.insert_or_assign(damage.id, Found{damage, type == RecordType::state});
  }

  /// After the last segment: quarantines what is damaged and not done.
  void finish() {
    for (const DamageBody& damage : nameless_) add(damage);
    for (const auto& [id, found] : damaged_) {
      const Entry* const entry = store_.find(id);
      DamageBody damage = found.damage;
      if (entry != nullptr) damage.content_file = entry->content_file;
      add(damage);
    }
    for (const KnownDamage& known : out_.damage)
      if (known.body.id.value != 0) store_.erase(known.body.id);
  }

 private:
  struct Found {
    DamageBody damage;
    bool is_state;
  };

  void accepted(const RecordHead& head, const Location& location, std::string_view body) {
    const auto summary = summarize_accepted(body);
    const bool in_log = head.aux == 0 && summary && summary->content_octets > 0;
    const bool content_known = content_id_ == head.id && content_.epoch == location.epoch;
    if (!summary || (in_log && !content_known)) {
      damage({.id = head.id,
              .epoch = location.epoch,
              .offset = location.offset,
              .length = location.length,
              .content_file = head.aux,
              .what = summary ? "content" : "envelope"},
             RecordType::accepted);
      return;
    }
    store_.put(head.id, *summary, location, in_log ? content_.offset : 0, head.aux);
    // What was damaged was an older copy, or a record beside this one.
    const auto found = damaged_.find(head.id);
    if (found == damaged_.end()) return;
    if (found->second.damage.epoch == location.epoch) {
      nameless_.push_back(found->second.damage);
      nameless_.back().id = {};
    }
    damaged_.erase(found);
  }

  void state(const RecordHead& head, const Location& location, std::string_view body) {
    const auto items = decode_items(body);
    if (!items) {
      damage({.id = head.id,
              .epoch = location.epoch,
              .offset = location.offset,
              .length = location.length,
              .content_file = 0,
              .what = "state of the recipients"},
             RecordType::state);
      return;
    }
    const bool full = (head.flags & record_full) != 0;
    store_.put_state(head.id, head.aux, full, location);
    static_cast<void>(store_.close(head.id, *items));
    const auto found = damaged_.find(head.id);
    if (full && found != damaged_.end() && found->second.is_state) damaged_.erase(found);
  }

  void hop(const Location& location, std::string_view body) {
    auto hop = decode_hop(body);
    if (!hop) return;
    if (hop->blob.empty())
      out_.hops.erase(hop->key);
    else
      out_.hops.insert_or_assign(hop->key, KnownHop{std::move(hop->blob), location.epoch});
  }

  void noted(const Location& location, std::string_view body) {
    auto damage = decode_damage(body);
    if (!damage) return;
    if (KnownDamage* const known = find(*damage))
      known->noted_in = location.epoch;
    else
      out_.damage.push_back({std::move(*damage), location.epoch});
  }

  [[nodiscard]] KnownDamage* find(const DamageBody& damage) {
    const auto same = [&](const KnownDamage& known) {
      return known.body.epoch == damage.epoch && known.body.offset == damage.offset &&
             (damage.epoch != 0 || known.body.content_file == damage.content_file);
    };
    const auto found = std::ranges::find_if(out_.damage, same);
    return found == out_.damage.end() ? nullptr : &*found;
  }

  void add(const DamageBody& damage) {
    if (find(damage) == nullptr) out_.damage.push_back({damage, 0});
  }

  Store& store_;
  Recovery& out_;
  // The content that was seen last: its envelope comes next.
  MessageId content_id_;
  Location content_;
  std::map<MessageId, Found> damaged_;
  std::vector<DamageBody> nameless_;
};

Io<> list_files(sys::Disk& disk, const Store& store, Recovery& out) {
  const auto entries = disk.list(store.directory());
  if (!entries) return std::unexpected(entries.error());
  for (const sys::DirectoryEntry& entry : *entries) {
    if (const auto epoch = number_in_name(entry.name, "log.", 8))
      out.segments[static_cast<std::uint32_t>(*epoch)] = 0;
    if (const auto number = number_in_name(entry.name, "attempts.", 8))
      out.journals.push_back(static_cast<std::uint32_t>(*number));
  }
  const auto contents = disk.list(store.content_directory());
  if (!contents) return std::unexpected(contents.error());
  for (const sys::DirectoryEntry& entry : *contents)
    if (const auto number = number_in_name(entry.name, "", 16))
      out.content_files.push_back(*number);
  if (!out.segments.empty()) out.next_epoch = out.segments.rbegin()->first + 1;
  return {};
}

/// Newer segments may have gone beyond what an older one's tail says.
void drop_outdated(Store& store, Recovery& out) {
  const auto outdated = [&](const Record& record) {
    const Entry* const entry = store.find(record.id);
    switch (record.type) {
      case RecordType::content:
        return entry == nullptr || entry->accepted.epoch != record.placed.epoch ||
               entry->content_offset != record.placed.offset;
      case RecordType::accepted: return entry == nullptr || entry->accepted != record.placed;
      case RecordType::state: return entry == nullptr;
      case RecordType::hop: {
        const auto hop = decode_hop(record.body);
        const auto known = hop ? out.hops.find(hop->key) : out.hops.end();
        return known != out.hops.end() && known->second.blob != hop->blob;
      }
      case RecordType::done:
      case RecordType::ended:
      case RecordType::damage: return false;
    }
    return false;
  };
  std::erase_if(out.unsure, outdated);
}

Io<> read_segments(sys::Disk& disk, Store& store, Recovery& out) {
  // Newest first: each knows where older ones ended, whatever these look like.
  struct End {
    std::uint32_t offset;
    bool sure;
  };
  std::map<std::uint32_t, End> ends;
  std::vector<std::unique_ptr<SegmentReader>> readers;
  std::uint32_t oldest = 0;
  for (auto segment = out.segments.rbegin(); segment != out.segments.rend(); ++segment) {
    const std::uint32_t epoch = segment->first;
    if (epoch < oldest) {
      out.gone.push_back(epoch);
      continue;
    }
    auto reader = std::make_unique<SegmentReader>(disk, store.directory(), epoch);
    const auto end = ends.find(epoch);
    const Io<> prepared = reader->prepare(
        end == ends.end() ? std::nullopt : std::optional<std::uint32_t>(end->second.offset));
    if (!prepared) return prepared;
    segment->second = reader->octets();
    for (const SegmentReader::EndOfOther& other : reader->ends_of_others()) {
      if (other.all_older)
        oldest = std::max(oldest, other.epoch);
      else
        ends.try_emplace(other.epoch, End{other.offset, other.sure});
    }
    reader->close();
    readers.push_back(std::move(reader));
  }
  for (const std::uint32_t epoch : out.gone) out.segments.erase(epoch);
  Replay replay(store, out);
  while (!readers.empty()) {
    SegmentReader& reader = *readers.back();
    if (const Io<> opened = reader.reopen(); !opened) return opened;
    SegmentTail tail = reader.visit(replay);
    out.forgotten += tail.forgotten;
    for (Record& record : tail.records)
      if (record.type != RecordType::ended) out.unsure.push_back(std::move(record));
    const auto end = ends.find(reader.epoch());
    if (end == ends.end() || !end->second.sure) {
      out.ended.push_back({reader.epoch(), end == ends.end() ? tail.begin : end->second.offset});
      if (tail.end && *tail.end < reader.octets()) out.roomy.push_back({reader.epoch(), *tail.end});
    }
    readers.pop_back();
  }
  replay.finish();
  drop_outdated(store, out);
  return {};
}

/// What the journals say of one message.
struct Late {
  std::vector<StatusItem> items;
  std::vector<JournalRecord> begun;
  bool done = false;
};

Io<std::map<MessageId, Late>> read_journals(sys::Disk& disk, Store& store, const Recovery& out) {
  std::map<MessageId, Late> late;
  for (const std::uint32_t number : out.journals) {
    const std::string path = store.directory() + "/" + journal_name(number);
    const Io<std::string> octets = sys::read_file(disk, path, journal_file_octets_max);
    if (!octets) return std::unexpected(octets.error());
    for (JournalRecord& record : parse_journal(*octets, number)) {
      if (store.find(record.id) == nullptr) continue;
      Late& message = late[record.id];
      switch (record.type) {
        case JournalRecord::Type::begun: message.begun.push_back(std::move(record)); break;
        case JournalRecord::Type::outcome:
          message.items.insert(message.items.end(), record.items.begin(), record.items.end());
          break;
        case JournalRecord::Type::done: message.done = true; break;
      }
    }
  }
  return late;
}

/// The changes of one message that the log does not know, and the attempts without outcome.
std::optional<Recovery::LateChange> late_change(MessageId id, const Late& late,
                                                std::vector<StatusItem> known) {
  Recovery::LateChange change{.id = id, .items = {}, .unknown = {}, .done = late.done};
  std::vector<bool> changed(known.size());
  std::uint32_t version = 0;
  for (const StatusItem& item : known) version = std::max(version, item.version);
  for (const StatusItem& item : late.items) {
    if (item.recipient >= known.size() || item.version <= known[item.recipient].version) continue;
    known[item.recipient] = item;
    changed[item.recipient] = true;
    version = std::max(version, item.version);
  }
  for (const JournalRecord& begun : late.begun) version = std::max(version, begun.version);
  ++version;
  for (const JournalRecord& begun : late.begun) {
    for (const std::uint32_t recipient : begun.recipients) {
      if (recipient >= known.size()) continue;
      StatusItem& item = known[recipient];
      if (is_final(item.status.state) || item.version > begun.version) continue;
      item.version = version;
      item.status.unknown = true;
      ++item.status.attempts;
      changed[recipient] = true;
      change.unknown.push_back(recipient);
    }
  }
  for (std::size_t i = 0; i < known.size(); ++i)
    if (changed[i]) change.items.push_back(known[i]);
  if (change.items.empty() && !change.done) return std::nullopt;
  return change;
}

/// Messages whose last failure was committed, and whose end was not written yet.
void find_closed(Store& store, Recovery& out) {
  std::vector<MessageId> closed;
  for (const auto& [id, entry] : store.entries())
    if (store.close(id, {})) closed.push_back(id);
  std::ranges::sort(closed);
  for (const MessageId id : closed)
    out.late.push_back({.id = id, .items = {}, .unknown = {}, .done = true});
}

Io<> apply_journals(sys::Disk& disk, Store& store, Recovery& out) {
  const auto journals = read_journals(disk, store, out);
  if (!journals) return std::unexpected(journals.error());
  for (const auto& [id, late] : *journals) {
    const auto loaded = store.load(id);
    if (!loaded) continue;  // Damaged, which whoever loads it next will find as well.
    if (store.close(id, {})) continue;
    auto change = late_change(id, late, loaded->items);
    if (!change) continue;
    std::ranges::sort(change->unknown);
    Entry& entry = *store.find(id);
    for (StatusItem& item : change->items) entry.version = std::max(entry.version, item.version);
    change->done = store.close(id, change->items) || change->done;
    if (!change->done) store.put_pending(id, change->items);
    out.late.push_back(std::move(*change));
  }
  return {};
}

}  // namespace

Io<Recovery> recover(sys::Disk& disk, Store& store) {
  Recovery out;
  if (const Io<> listed = list_files(disk, store, out); !listed)
    return std::unexpected(listed.error());
  if (const Io<> read = read_segments(disk, store, out); !read)
    return std::unexpected(read.error());
  find_closed(store, out);
  if (const Io<> applied = apply_journals(disk, store, out); !applied)
    return std::unexpected(applied.error());
  return out;
}

}  // namespace spool
