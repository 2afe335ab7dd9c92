#include "spool/spool.h"

#include <algorithm>

#include "spool/parts.h"
#include "spool/reader_state.h"

namespace spool {

using base::Io;
using base::IoErrorCode;
using base::MessageId;

namespace {

/// A message with more state records than this gets a full one.
constexpr std::size_t state_records_max = 8;

SegmentOptions segment_options(const SpoolOptions& options) {
  return {.directory = options.directory,
          .segment_octets = options.segment_octets,
          .allocate_octets = options.allocate_octets,
          .reserve_octets = std::min<std::uint32_t>(1u << 20, options.segment_octets / 8) /
                            block_octets * block_octets,
          .synchronous = options.synchronous};
}

/// Keeps what the pieces of a stored content refer to.
struct Held {
  std::string prefix;
  std::shared_ptr<ContentBody> body;
  std::vector<std::string_view> pieces;
};

std::shared_ptr<const std::vector<std::string_view>> hold(std::string prefix,
                                                          std::shared_ptr<ContentBody> body) {
  auto held = std::make_shared<Held>();
  held->prefix = std::move(prefix);
  held->body = std::move(body);
  held->pieces.reserve(1 + held->body->chunks.size());
  if (!held->prefix.empty()) held->pieces.push_back(held->prefix);
  for (const std::string& chunk : held->body->chunks) held->pieces.push_back(chunk);
  const auto* const pieces = &held->pieces;
  return {std::move(held), pieces};
}

std::unexpected<StoreError> refused(IoErrorCode code) {
  return std::unexpected(StoreError{StoreError::Kind::refused, {code, 0}});
}

bool belongs_to_report(const Change::Item& item) {
  return item.with_report || item.status.state == RecipientState::bounced ||
         item.status.state == RecipientState::expired;
}

}  // namespace

Spool::Parts::Parts(const SpoolWorld& its_world, const SpoolOptions& its_options)
    : world(its_world),
      options(its_options),
      budget{.octets_max = options.content_memory_max,
             .each_max =
                 std::min<std::size_t>(options.content_memory_each, options.segment_octets / 4)},
      store(world.home_disk, options.directory),
      contents(world.home_disk, store.content_directory()),
      committer({world.home, world.commit, world.commit_disk, world.random},
                segment_options(options), store.content_directory()),
      id_salt(static_cast<std::uint32_t>(world.random.next())),
      flush_signal(world.home),
      clean_signal(world.home),
      stop_signal(world.home) {
  store.on_damage = [this](MessageId, const DamageBody& found) { quarantine(found); };
}

base::Task<Stored<>> Spool::Parts::submit(Submission& submission) {
  flush_lazy();
  return submit_alone(submission);
}

base::Task<Stored<>> Spool::Parts::submit_alone(Submission& submission) {
  if (!is_scarce()) flush_lazy();
  ++submissions;
  flush_signal.raise();
  const Io<> came = co_await base::operation<Io<>>([&](sys::Completion<>& done) {
    submission.context = &done;
    submission.finished = [](Submission& finished) noexcept {
      static_cast<sys::Completion<>*>(finished.context)->complete({});
    };
    committer.submit(submission);
    return sys::Now<>{};
  });
  // Cancelled before it was submitted; afterwards it cannot be.
  if (!came) co_return std::unexpected(StoreError{StoreError::Kind::refused, came.error()});
  // Perhaps there is something to free.
  if (!submission.result && submission.result.error().cause.code == IoErrorCode::no_space)
    clean_signal.raise();
  co_return submission.result;
}

Stored<Spool::Parts::Prepared> Spool::Parts::prepare(NewMessage message, Submission& submission) {
  Prepared out;
  out.content = message.content.take();
  const ContentBody& content = *out.content;
  out.summary = {content.size, content.crc, static_cast<std::uint32_t>(message.prefix.size()),
                 static_cast<std::uint32_t>(message.envelope.recipients.size())};
  submission.content_file = content.file_number;
  if (content.file_number == 0 && content.size > 0) {
    Record& record = submission.records.emplace_back();
    record.type = RecordType::content;
    record.id = message.id;
    record.content = out.content;
  }
  Record& record = submission.records.emplace_back();
  record.type = RecordType::accepted;
  record.id = message.id;
  record.aux = content.file_number;
  record.body = encode_accepted(message.envelope, message.prefix, content.size, content.crc);
  out.stored.id = message.id;
  out.stored.size = message.prefix.size() + content.size;
  out.stored.envelope = std::make_shared<const Envelope>(std::move(message.envelope));
  const bool fits = record.body.size() <= envelope_octets_max &&
                    octets_in_frame(submission) <= options.segment_octets / 2;
  if (!fits || out.summary.recipients == 0 || store.find(message.id) != nullptr) {
    const auto error = refused(fits ? IoErrorCode::exists : IoErrorCode::no_space);
    refuse(out, error.error());
    return error;
  }
  if (content.file_number == 0) out.stored.content = hold(std::move(message.prefix), out.content);
  return out;
}

void Spool::Parts::admit(const Prepared& prepared, const Submission& submission) {
  const MessageId id = prepared.stored.id;
  std::uint32_t content_offset = 0;
  Location accepted;
  for (const Record& record : submission.records) {
    if (record.id != id) continue;
    if (record.type == RecordType::content) content_offset = record.placed.offset;
    if (record.type == RecordType::accepted) accepted = record.placed;
  }
  store.put(id, prepared.summary, accepted, content_offset, prepared.content->file_number);
  SegmentUse& segment = use(accepted.epoch);
  const std::uint64_t octets = store.find(id)->log_octets();
  ++segment.live;
  segment.live_octets += octets;
  segment.ids.push_back(id);
  live_octets += octets;
  ++counters.accepted;
}

void Spool::Parts::refuse(const Prepared& prepared, const StoreError& error) {
  ContentBody& content = *prepared.content;
  content.file.reset();
  // Unsure: a crash may show the message, which then needs its file.
  if (content.file_number != 0 && error.kind == StoreError::Kind::refused)
    contents.remove(content.file_number);
}

std::optional<std::vector<StatusItem>> Spool::Parts::begin_change(const Change& change) {
  Entry* const entry = store.find(change.id);
  if (entry == nullptr) return std::nullopt;
  ++entry->version;
  std::vector<StatusItem> items;
  items.reserve(change.items.size());
  for (const Change::Item& item : change.items)
    if (item.recipient < entry->recipients)
      items.push_back({item.recipient, entry->version, item.status});
  return items;
}

Record Spool::Parts::state_record(MessageId id, const std::vector<StatusItem>& items) {
  Record record;
  record.type = RecordType::state;
  record.id = id;
  record.aux = store.find(id)->version;
  const bool all = items.size() == store.find(id)->recipients;
  if (all) record.flags = record_full;
  // A full record must not hide a change that is on its way.
  if (!all && !committing.contains(id) && store.state_records(id) >= state_records_max) {
    if (auto loaded = store.load(id)) {
      merge_items(loaded->items, items);
      record.flags = record_full;
      record.body = encode_items(loaded->items);
      return record;
    }
  }
  record.body = encode_items(items);
  return record;
}

JournalRecord Spool::Parts::apply(MessageId id, std::vector<StatusItem> items) {
  const std::uint32_t version = store.find(id)->version;
  close_attempts(id, items);
  if (store.close(id, items)) {
    Record record;
    record.type = RecordType::done;
    record.id = id;
    record.aux = version;
    retire(id);
    add_lazy(std::move(record));
    return {.type = JournalRecord::Type::done, .id = id, .version = version};
  }
  Record record = state_record(id, items);
  store.put_pending(id, items);
  add_lazy(std::move(record));
  return {.type = JournalRecord::Type::outcome,
          .id = id,
          .version = version,
          .recipients = {},
          .items = std::move(items)};
}

void Spool::Parts::retire(MessageId id) {
  const Entry& entry = *store.find(id);
  finishing.insert_or_assign(
      id, Finishing{entry.accepted.epoch, entry.log_octets(), entry.content_file});
  store.erase(id);
  attempts.erase(id);
  ++counters.done;
}

void Spool::Parts::bury(MessageId id) {
  const auto found = finishing.find(id);
  if (found == finishing.end()) return;
  if (found->second.content_file != 0) contents.remove(found->second.content_file);
  release(found->second.epoch, found->second.octets);
  finishing.erase(found);
}

SegmentUse& Spool::Parts::use(std::uint32_t epoch) {
  const auto [at, is_new] = segments.try_emplace(epoch);
  if (is_new) clean_signal.raise();
  newest_epoch = std::max(newest_epoch, epoch);
  return at->second;
}

void Spool::Parts::release(std::uint32_t epoch, std::uint64_t octets) {
  SegmentUse& segment = use(epoch);
  --segment.live;
  segment.live_octets -= octets;
  live_octets -= octets;
  if (epoch == oldest_epoch) clean_signal.raise();
}

void Spool::Parts::close_attempts(MessageId id, const std::vector<StatusItem>& items) {
  const auto open = attempts.find(id);
  if (open == attempts.end()) return;
  for (OpenAttempt& attempt : open->second) {
    std::erase_if(attempt.recipients, [&](std::uint32_t recipient) {
      return std::ranges::find(items, recipient, &StatusItem::recipient) != items.end();
    });
  }
  std::erase_if(open->second,
                [](const OpenAttempt& attempt) { return attempt.recipients.empty(); });
  if (open->second.empty()) attempts.erase(open);
}

std::vector<JournalRecord> Spool::Parts::journal_snapshot() const {
  std::vector<JournalRecord> out;
  for (const auto& [id, items] : store.pending())
    out.push_back({JournalRecord::Type::outcome, id, 0, {}, items});
  for (const auto& [id, where] : finishing)
    out.push_back({JournalRecord::Type::done, id, 0, {}, {}});
  for (const auto& [id, open] : attempts)
    for (const OpenAttempt& attempt : open)
      out.push_back({JournalRecord::Type::begun, id, attempt.version, attempt.recipients, {}});
  return out;
}

base::Task<Io<>> Spool::Parts::journal_append(JournalRecord record) {
  if (journal->needs_restart(record)) {
    // The snapshot holds what this record would say.
    const Io<> restarted = co_await journal->restart([this] { return journal_snapshot(); });
    if (restarted) co_return restarted;
  }
  co_return co_await journal->append(std::move(record));
}

base::Task<Io<>> Spool::Parts::attempt_begun(MessageId id, std::vector<std::uint32_t> recipients) {
  const Entry* const entry = store.find(id);
  if (entry == nullptr) co_return base::io_error(IoErrorCode::not_found);
  const std::uint32_t version = entry->version;
  attempts[id].push_back({version, recipients});
  const Io<> written = co_await journal_append({.type = JournalRecord::Type::begun,
                                                .id = id,
                                                .version = version,
                                                .recipients = recipients,
                                                .items = {}});
  if (written) co_return written;
  // It will not be made.
  std::vector<StatusItem> none(recipients.size());
  for (std::size_t i = 0; i < none.size(); ++i) none[i].recipient = recipients[i];
  close_attempts(id, none);
  co_return written;
}

base::Task<Io<>> Spool::Parts::outcome(Change change) {
  auto items = begin_change(change);
  if (!items) co_return base::io_error(IoErrorCode::not_found);
  co_return co_await journal_append(apply(change.id, std::move(*items)));
}

base::Task<Stored<std::optional<StoredMessage>>> Spool::Parts::commit(
    std::vector<Change> changes, std::optional<NewMessage> report) {
  // What needs no report happens at once, whatever becomes of the rest.
  std::vector<MessageId> ids;
  std::vector<Change> failures;
  for (Change& change : changes) {
    Change now{change.id, {}};
    Change later{change.id, {}};
    for (Change::Item& item : change.items)
      (report && belongs_to_report(item) ? later : now).items.push_back(std::move(item));
    if (!now.items.empty()) static_cast<void>(co_await outcome(std::move(now)));
    if (!later.items.empty()) failures.push_back(std::move(later));
    ids.push_back(change.id);
  }
  if (!report) {
    const Stored<> durable = co_await make_durable(std::move(ids));
    if (!durable) co_return std::unexpected(durable.error());
    co_return std::optional<StoredMessage>{};
  }

  Submission submission;
  std::vector<std::vector<StatusItem>> items;
  for (const Change& failure : failures) {
    auto its_items = begin_change(failure);
    if (!its_items) continue;
    submission.records.push_back(state_record(failure.id, *its_items));
    items.push_back(std::move(*its_items));
  }
  const std::size_t changed = items.size();
  auto prepared = prepare(std::move(*report), submission);
  if (!prepared) co_return std::unexpected(prepared.error());
  for (std::size_t i = 0; i < changed; ++i) committing.insert(submission.records[i].id);
  const Stored<> stored = co_await submit(submission);
  for (std::size_t i = 0; i < changed; ++i)
    committing.erase(committing.find(submission.records[i].id));
  if (!stored) {
    refuse(*prepared, stored.error());
    co_return std::unexpected(stored.error());
  }
  change_committed(submission, changed, items);
  admit(*prepared, submission);
  co_return std::optional<StoredMessage>(std::move(prepared->stored));
}

void Spool::Parts::change_committed(const Submission& submission, std::size_t records,
                                    const std::vector<std::vector<StatusItem>>& items) {
  for (std::size_t i = 0; i < records; ++i) {
    const Record& record = submission.records[i];
    if (store.find(record.id) == nullptr) continue;
    store.put_state(record.id, record.aux, (record.flags & record_full) != 0, record.placed);
    close_attempts(record.id, items[i]);
    if (!store.close(record.id, items[i])) continue;
    // The statuses are durable, and say the same.
    Record done;
    done.type = RecordType::done;
    done.id = record.id;
    done.aux = record.aux;
    retire(record.id);
    add_lazy(std::move(done));
  }
}

base::Task<Stored<>> Spool::Parts::make_durable(std::vector<MessageId> ids) {
  const auto pending = [&](MessageId id) {
    return store.pending().contains(id) || finishing.contains(id);
  };
  // A frame that comes later takes lazy records with it, unless that very frame failed.
  constexpr int tries_max = 3;
  for (int i = 0; i < tries_max; ++i) {
    Submission submission;
    submission.essential = true;
    const Stored<> written = co_await submit(submission);
    if (!written) co_return written;
    if (std::ranges::none_of(ids, pending)) co_return Stored<>{};
  }
  co_return refused(IoErrorCode::failed);
}

void Spool::Parts::quarantine(const DamageBody& found) {
  const auto same = [&](const KnownDamage& known) {
    return known.body.epoch == found.epoch && known.body.offset == found.offset &&
           known.body.id == found.id;
  };
  if (std::ranges::find_if(damage_notes, same) != damage_notes.end()) return;
  if (const Entry* const entry = store.find(found.id)) {
    if (found.epoch != 0) use(found.epoch).damaged = true;
    use(entry->accepted.epoch).damaged = true;
    release(entry->accepted.epoch, entry->log_octets());
    store.erase(found.id);
    attempts.erase(found.id);
  }
  damage_notes.push_back({found, 0});
  damage.push_back(
      {found.id,
       found.epoch != 0 ? segment_name(found.epoch) : "content/" + content_name(found.content_file),
       found.offset, found.length, found.what});
  Record record;
  record.type = RecordType::damage;
  record.id = found.id;
  record.body = encode_damage(found);
  add_lazy(std::move(record));
}

Spool::Spool(const SpoolWorld& world, const SpoolOptions& options)
    : parts_(std::make_unique<Parts>(world, options)) {}
Spool::~Spool() = default;

base::Task<Io<Recovered>> Spool::open(RecoverySink& sink) { return parts_->open(sink); }
base::Task<> Spool::run() { return parts_->run(); }
base::Task<> Spool::run_commits() { return parts_->committer.run(); }
base::Task<> Spool::stop() { return parts_->stop(); }

MessageId Spool::new_id() {
  Parts& parts = *parts_;
  parts.last_id = base::next_message_id(parts.last_id, parts.world.clock.wall(), parts.id_salt);
  return parts.last_id;
}

Content Spool::new_content() { return {parts_->budget, parts_->contents}; }

base::Task<Stored<StoredMessage>> Spool::accept(NewMessage message) {
  Parts& parts = *parts_;
  Submission submission;
  auto prepared = parts.prepare(std::move(message), submission);
  if (!prepared) co_return std::unexpected(prepared.error());
  const Stored<> stored = co_await parts.submit_alone(submission);
  if (!stored) {
    parts.refuse(*prepared, stored.error());
    co_return std::unexpected(stored.error());
  }
  parts.admit(*prepared, submission);
  co_return std::move(prepared->stored);
}

base::Task<Io<>> Spool::attempt_begun(MessageId id, std::vector<std::uint32_t> recipients) {
  return parts_->attempt_begun(id, std::move(recipients));
}

base::Task<Io<>> Spool::outcome(Change change) { return parts_->outcome(std::move(change)); }

base::Task<Stored<std::optional<StoredMessage>>> Spool::commit(std::vector<Change> changes,
                                                               std::optional<NewMessage> report) {
  return parts_->commit(std::move(changes), std::move(report));
}

Io<LoadedMessage> Spool::load(MessageId id) {
  auto loaded = parts_->store.load(id);
  if (!loaded) {
    if (loaded.error().code == IoErrorCode::failed && parts_->store.last_damage().id == id)
      parts_->quarantine(parts_->store.last_damage());
    return std::unexpected(loaded.error());
  }
  LoadedMessage out;
  out.id = id;
  out.envelope = std::move(loaded->accepted.envelope);
  out.size = parts_->store.find(id)->size;
  for (StatusItem& item : loaded->items) out.statuses.push_back(std::move(item.status));
  return out;
}

Io<Spool::Reader> Spool::read_content(MessageId id) {
  auto state = open_reader(parts_->store, id);
  if (!state) return std::unexpected(state.error());
  return Reader(std::move(*state));
}

bool Spool::contains(MessageId id) const { return parts_->store.find(id) != nullptr; }

std::vector<MessageId> Spool::ids() const {
  std::vector<MessageId> out;
  out.reserve(parts_->store.entries().size());
  for (const auto& [id, entry] : parts_->store.entries()) out.push_back(id);
  std::ranges::sort(out);
  return out;
}

std::optional<std::uint64_t> Spool::size(MessageId id) const {
  const Entry* const entry = parts_->store.find(id);
  if (entry == nullptr) return std::nullopt;
  return entry->size;
}

void Spool::put_hop(std::string key, std::string blob) {
  Record record;
  record.type = RecordType::hop;
  record.body = encode_hop(key, blob);
  if (blob.empty())
    parts_->hops.erase(key);
  else
    parts_->hops.insert_or_assign(std::move(key), KnownHop{std::move(blob), 0});
  parts_->add_lazy(std::move(record));
}

const std::vector<Damage>& Spool::damage() const { return parts_->damage; }

SpoolStatistics Spool::statistics() const {
  const Parts& parts = *parts_;
  const LogGauges& log = parts.committer.gauges();
  SpoolStatistics out = parts.counters;
  out.frames = log.frames;
  out.frame_octets = log.frame_octets;
  out.failed_frames = log.failed_frames;
  out.segments_made = log.segments_made;
  out.messages = parts.store.entries().size();
  out.segments = parts.newest_epoch - parts.oldest_epoch + (parts.newest_epoch != 0 ? 1 : 0);
  out.disk_octets =
      out.segments == 0 ? 0 : (out.segments - 1) * parts.options.segment_octets + log.allocated;
  out.memory_octets = parts.budget.used;
  out.damaged = parts.damage.size();
  return out;
}

}  // namespace spool
