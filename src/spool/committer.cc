#include "spool/committer.h"

#include <algorithm>

#include "base/assert.h"
#include "base/crc32c.h"

namespace spool {

using base::Io;
using base::IoErrorCode;

namespace {

/// In octets. One frame takes no more submissions beyond it, so that nobody waits long for others.
constexpr std::uint64_t frame_octets_max = 4u << 20;

void come_home(base::Posted& posted) noexcept {
  auto& submission = static_cast<Submission&>(posted);
  submission.finished(submission);
}

bool has_waiter(const Submission& submission) { return !submission.separate; }

}  // namespace

Committer::Committer(const World& world, SegmentOptions options, std::string content_directory)
    : world_(world),
      options_(std::move(options)),
      content_directory_(std::move(content_directory)),
      signal_(world.commit) {}

void Committer::start(std::uint32_t oldest_epoch, std::uint32_t next_epoch,
                      std::vector<Ended> ended, Submission* opening) {
  oldest_ = oldest_epoch;
  next_epoch_ = next_epoch;
  ended_ = std::move(ended);
  opening_ = opening;
}

void Committer::submit(Submission& submission) {
  submission.committer = this;
  submission.next = nullptr;
  submission.run = [](base::Posted& posted) noexcept {
    auto& arrived = static_cast<Submission&>(posted);
    static_cast<Committer*>(arrived.committer)->arrived(arrived);
  };
  submission.next = nullptr;
  if (gathering_.last != nullptr) {
    gathering_.last = gathering_.last->next = &submission;
    return;
  }
  gathering_.first = gathering_.last = &submission;
  gathering_.committer = this;
  gathering_.run = [](base::Posted& posted) noexcept {
    auto& gathered = static_cast<Gathering&>(posted);
    base::Posted* const first = std::exchange(gathered.first, nullptr);
    base::Posted* const last = std::exchange(gathered.last, nullptr);
    gathered.committer->world_.commit.post(*first, *last);
  };
  world_.home.post(gathering_, gathering_);
}

void Committer::arrived(Submission& submission) {
  submission.next_submission = nullptr;
  (last_ != nullptr ? last_->next_submission : first_) = &submission;
  last_ = &submission;
  signal_.raise();
}

Submission* Committer::take() {
  Submission* const taken = first_;
  first_ = taken->next_submission;
  if (first_ == nullptr) last_ = nullptr;
  return taken;
}

base::Task<> Committer::run() {
  while (!stopped_) {
    if (first_ == nullptr) {
      co_await signal_.wait();
      continue;
    }
    co_await step();
    co_await sys::Yield(
        world_.commit);  // Whoever came while the disk was busy joins the next frame.
  }
}

base::Task<> Committer::step() {
  if (first_->kind == Submission::Kind::records) {
    co_await commit(take_batch());
    co_return;
  }
  Submission* const order = take();
  Io<> result;
  if (order->kind == Submission::Kind::free_segment) {
    result = co_await free_segment(*order);
  } else if (order->kind == Submission::Kind::roll) {
    result = co_await roll(*order);
  } else {
    stopped_ = order->kind == Submission::Kind::stop;
    if (segment_ != nullptr) static_cast<void>(co_await segment_->mark());
  }
  if (!result)
    order->result = std::unexpected(StoreError{StoreError::Kind::refused, result.error()});
  finish({order});
}

Committer::Batch Committer::take_batch() {
  const std::uint64_t most = std::min<std::uint64_t>(frame_octets_max, options_.segment_octets / 4);
  Batch batch;
  std::uint64_t octets = 0;
  while (first_ != nullptr && first_->kind == Submission::Kind::records) {
    octets += octets_in_frame(*first_);
    if (!batch.empty() && octets > most) break;
    batch.push_back(take());
  }
  return batch;
}

base::Task<> Committer::commit(Batch batch) {
  co_await sync_contents(batch);
  read_copies(batch);
  co_await find_room(batch);
  if (batch.empty()) co_return;
  const Io<> written = co_await write_frame(batch);
  if (!written) {
    StoreError error{StoreError::Kind::refused, written.error()};
    if (std::ranges::any_of(batch, [](const Submission* s) { return has_waiter(*s); }))
      error.kind = co_await disown();
    for (Submission* submission : batch) submission->result = std::unexpected(error);
  }
  finish(batch);
}

base::Task<> Committer::sync_contents(Batch& batch) {
  Io<> folder;
  bool any = false;
  Batch failed;
  for (Submission*& submission : batch) {
    if (submission->content_file == 0 || !options_.synchronous) continue;
    const std::string path = content_directory_ + "/" + content_name(submission->content_file);
    if (folder_failed_) name_anew(path);
    auto file = world_.disk.open(path, sys::OpenMode::read_write);
    Io<> synced;
    if (file)
      synced = co_await sys::sync(**file);
    else
      synced = std::unexpected(file.error());
    any = any || synced;
    if (synced) continue;
    submission->result = std::unexpected(StoreError{StoreError::Kind::refused, synced.error()});
    failed.push_back(std::exchange(submission, nullptr));
  }
  if (any) folder = co_await sys::sync_directory(world_.disk, content_directory_);
  folder_failed_ = folder_failed_ || !folder;
  for (Submission*& submission : batch) {
    if (folder || submission == nullptr || submission->content_file == 0) continue;
    submission->result = std::unexpected(StoreError{StoreError::Kind::refused, folder.error()});
    failed.push_back(std::exchange(submission, nullptr));
  }
  std::erase(batch, nullptr);
  finish(failed);
}

/// After a failed sync of their folder the names of files that existed then must be taken as lost,
/// whatever later syncs say, unless they are written once more.
void Committer::name_anew(const std::string& path) {
  const std::string aside = path + ".unsynced";
  if (world_.disk.rename(path, aside)) static_cast<void>(world_.disk.rename(aside, path));
}

Io<std::string> Committer::read_body(const Location& location) {
  const auto file = world_.disk.open(options_.directory + "/" + segment_name(location.epoch),
                                     sys::OpenMode::read);
  if (!file) return std::unexpected(file.error());
  std::string body(location.length, '\0');
  const Io<std::size_t> octets = (*file)->read(location.offset, body);
  if (!octets) return std::unexpected(octets.error());
  body.resize(*octets);
  return body;
}

void Committer::read_copies(Batch& batch) {
  Batch failed;
  for (Submission*& submission : batch) {
    Io<> result;
    for (Record& record : submission->records) {
      if (record.copy_of.epoch == 0 || !result) continue;
      Io<std::string> body = read_body(record.copy_of);
      if (!body) {
        result = std::unexpected(body.error());
      } else if (base::crc32c(*body) != record.copy_of.crc) {
        record.damaged = true;
        result = base::io_error(IoErrorCode::failed);
      } else if (record.type == RecordType::content) {
        record.content = std::make_shared<ContentBody>(std::move(*body));
      } else {
        record.body = std::move(*body);
      }
      record.copy_of = {};
    }
    if (result) continue;
    submission->result = std::unexpected(StoreError{StoreError::Kind::refused, result.error()});
    failed.push_back(std::exchange(submission, nullptr));
  }
  std::erase(batch, nullptr);
  finish(failed);
}

base::Task<> Committer::find_room(Batch& batch) {
  for (const bool essential : {false, true}) {
    if (batch.empty()) co_return;
    const Io<> room = co_await make_room(batch, essential);
    if (room) co_return;
    fail(batch, {StoreError::Kind::refused, room.error()}, !essential);
  }
}

base::Task<Io<>> Committer::make_room(const Batch& batch, bool essential) {
  std::uint64_t octets = frame_head_octets;
  for (const Submission* submission : batch) octets += octets_in_frame(*submission);
  Io<> room = base::io_error(IoErrorCode::no_space);
  if (segment_ != nullptr) room = segment_->make_room(octets, false);
  if (room) {
    gauges_.scarce.store(false, std::memory_order_relaxed);
  } else {
    Io<> opened = co_await open_segment(false);
    gauges_.scarce.store(!opened, std::memory_order_relaxed);
    if (!opened && !essential) co_return opened;
    if (!opened && segment_ != nullptr && segment_->make_room(octets, true)) co_return Io<>{};
    if (!opened) {
      end_segment_for_room();
      opened = co_await open_segment(true);
    }
    if (!opened) co_return opened;
    room = segment_->make_room(octets + octets_in_first_frame(), essential);
  }
  co_return room;
}

std::uint64_t Committer::octets_in_first_frame() const {
  return (1 + ended_.size()) * record_head_octets +
         (opening_ != nullptr ? octets_in_frame(*opening_) : 0);
}

void Committer::end_segment_for_room() {
  if (segment_ == nullptr || segment_->empty()) return;
  ended_.push_back({segment_->epoch(), segment_->durable_end()});
  segment_->give_back_room();
  segment_.reset();
}

base::Task<Io<>> Committer::roll(Submission& order) {
  Io<> opened = co_await open_segment(false);
  if (!opened) {
    end_segment_for_room();
    opened = co_await open_segment(true);
  }
  if (!opened) co_return opened;
  order.epoch = segment_->epoch();
  const Io<> room = segment_->make_room(frame_head_octets + octets_in_first_frame(), true);
  if (!room) co_return room;
  co_return co_await write_frame({});
}

base::Task<Io<>> Committer::open_segment(bool scarce) {
  auto next = std::make_unique<SegmentWriter>(world_.disk, options_, next_epoch_,
                                              static_cast<std::uint32_t>(world_.random.next()));
  const Io<> created = co_await next->create(scarce);
  // The name may still be there; the next one is free for certain.
  if (created || created.error().code != IoErrorCode::no_space) ++next_epoch_;
  if (!created) co_return created;
  if (segment_ != nullptr) {
    ended_.push_back({segment_->epoch(), segment_->durable_end()});
    if (!segment_->empty()) co_await segment_->seal();
  }
  segment_ = std::move(next);
  gauges_.segments_made.fetch_add(1, std::memory_order_relaxed);
  gauges_.epoch.store(segment_->epoch(), std::memory_order_relaxed);
  co_return Io<>{};
}

base::Task<Io<>> Committer::write_frame(const Batch& batch) {
  FrameBuilder frame = segment_->begin_frame();
  std::vector<Record> ends;
  Submission* const opening = segment_->empty() ? opening_ : nullptr;
  if (segment_->empty()) {
    Record& gone = ends.emplace_back();
    gone.type = RecordType::ended;
    gone.flags = record_all_older;
    gone.id.value = oldest_;
    for (const Ended& ended : ended_) {
      Record& record = ends.emplace_back();
      record.type = RecordType::ended;
      record.id.value = ended.epoch;
      record.aux = ended.offset;
    }
    // What ends an old segment counts only with what repeats its unsure octets.
    if (opening != nullptr)
      for (Record& record : opening->records) ends.push_back(record);
    frame.add_group(ends);
  }
  for (Submission* submission : batch) {
    if (!submission->separate)
      frame.add_group(submission->records);
    else
      for (Record& record : submission->records) frame.add_group({&record, 1});
  }
  frame.finish();
  const Io<> written = co_await segment_->write(frame);
  if (!written) {
    gauges_.failed_frames.fetch_add(1, std::memory_order_relaxed);
    ended_.push_back({segment_->epoch(), frame.offset()});
    segment_.reset();
    co_return written;
  }
  gauges_.frames.fetch_add(1, std::memory_order_relaxed);
  gauges_.frame_octets.fetch_add(frame.octets(), std::memory_order_relaxed);
  gauges_.allocated.store(segment_->allocated(), std::memory_order_relaxed);
  if (!ends.empty()) ended_.clear();
  if (opening != nullptr) {
    std::copy(ends.end() - static_cast<std::ptrdiff_t>(opening->records.size()), ends.end(),
              opening->records.begin());
    opening_ = nullptr;
    finish({opening});
  }
  co_return written;
}

base::Task<StoreError::Kind> Committer::disown() {
  const Io<> room = co_await make_room({}, true);
  if (!room) co_return StoreError::Kind::unsure;
  const Io<> written = co_await write_frame({});
  co_return written ? StoreError::Kind::refused : StoreError::Kind::unsure;
}

base::Task<Io<>> Committer::free_segment(const Submission& order) {
  // Nothing older may go before what a crash left unsure is sure.
  if (opening_ != nullptr) co_return base::io_error(IoErrorCode::busy);
  if (const Io<> gone = take_out(order.epoch, order.keep); !gone) co_return gone;
  if (options_.synchronous) {
    const Io<> synced = co_await sys::sync_directory(world_.disk, options_.directory);
    if (!synced) co_return synced;
  }
  oldest_ = order.epoch + 1;
  co_return Io<>{};
}

Io<> Committer::take_out(std::uint32_t epoch, bool keep) {
  sys::Disk& disk = world_.disk;
  const std::string path = options_.directory + "/" + segment_name(epoch);
  const std::string kept_path = options_.directory + "/" + damaged_segment_name(epoch);
  const auto once = [&] { return keep ? disk.rename(path, kept_path) : disk.unlink(path); };
  const Io<> gone = once();
  if (gone || gone.error().code != IoErrorCode::not_found) return gone;
  // It was done before, but the sync of the folder failed, and later ones need not make up for
  // that: so the name changes once more.
  if (keep) {
    const Io<> back = disk.rename(kept_path, path);
    if (back) return once();
    return back.error().code == IoErrorCode::not_found ? Io<>{} : back;
  }
  if (const auto empty = disk.open(path, sys::OpenMode::create); !empty)
    return std::unexpected(empty.error());
  return once();
}

void Committer::fail(Batch& batch, const StoreError& error, bool only_inessential) {
  Batch failed;
  for (Submission*& submission : batch) {
    if (only_inessential && submission->essential) continue;
    submission->result = std::unexpected(error);
    failed.push_back(std::exchange(submission, nullptr));
  }
  std::erase(batch, nullptr);
  finish(failed);
}

void Committer::finish(const Batch& batch) noexcept {
  if (batch.empty()) return;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    batch[i]->run = &come_home;
    batch[i]->next = i + 1 < batch.size() ? batch[i + 1] : nullptr;
  }
  world_.home.post(*batch.front(), *batch.back());
}

}  // namespace spool
