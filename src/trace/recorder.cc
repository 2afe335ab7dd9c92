#include "trace/recorder.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/codec.h"
#include "trace/segments.h"

namespace trace {

using base::Io;
using base::IoErrorCode;

Recorder::Recorder(sys::Disk& disk, sys::Clock& clock, Options options)
    : disk_(disk), clock_(clock), options_(std::move(options)) {
  PH_ASSERT(options_.segment_octets <= segment_octets_max);
}

void Recorder::add(base::MessageId id, std::string_view text) {
  if (text.size() > record_octets_max || pending_.size() + text.size() > pending_octets_max) {
    ++lost_;
    return;
  }
  base::Encoder encoder(pending_);
  encoder.number(id.value);
  encoder.text(text);
  ++pending_records_;
}

base::Task<> Recorder::open() {
  // An error shows again when the first segment is made.
  (void)co_await sys::make_directories(disk_, options_.directory);
  co_await make_missing_indexes();
  remove_old();
}

base::Task<> Recorder::write() {
  const std::string records = std::exchange(pending_, {});
  const std::size_t count = std::exchange(pending_records_, 0);
  if (records.empty()) co_return;
  if (!file_ && !co_await begin_segment()) {
    lost_ += count;
    co_return;
  }
  const std::uint64_t lost_before = lost_;
  co_await append(records);
  if (lost_ != lost_before) {
    // What the file holds beyond its last whole record is never read.
    co_await seal();
  } else if (end_ >= options_.segment_octets) {
    co_await seal();
    remove_old();
  }
}

base::Task<Io<>> Recorder::begin_segment() {
  segment_.time = std::max(clock_.wall(), segment_.time + std::chrono::milliseconds(1));
  auto file = disk_.open(path(segment_.records()), sys::OpenMode::create);
  if (!file && file.error().code == IoErrorCode::not_found) {
    (void)co_await sys::make_directories(disk_, options_.directory);
    file = disk_.open(path(segment_.records()), sys::OpenMode::create);
  }
  if (!file) co_return std::unexpected(file.error());
  file_ = std::move(*file);
  const std::string head = segment_header();
  const std::string_view piece = head;
  if (const Io<> written = co_await sys::write(*file_, 0, {&piece, 1}); !written) {
    file_.reset();
    (void)disk_.unlink(path(segment_.records()));
    co_return written;
  }
  end_ = head.size();
  co_return Io<>();
}

base::Task<> Recorder::append(std::string_view records) {
  std::string out;
  std::vector<std::pair<base::MessageId, std::uint32_t>> placed;
  for (base::Decoder decoder(records); !decoder.rest().empty();) {
    const base::MessageId id{decoder.number<std::uint64_t>()};
    const std::string_view text = decoder.text();
    PH_ASSERT(decoder.ok());
    std::uint32_t& last = last_[id];
    const auto offset = static_cast<std::uint32_t>(end_ + out.size());
    append_record(out, id, std::exchange(last, offset), text);
    placed.emplace_back(id, offset);
  }
  const std::string_view piece = out;
  if (const Io<> written = co_await sys::write(*file_, end_, {&piece, 1}); !written) {
    lost_ += placed.size();
    // Nothing of these can be relied on: the index is made from what the file holds.
    last_.clear();
    co_return;
  }
  end_ += out.size();
}

/// Ends the segment. Without its index it is still found, only slower.
base::Task<> Recorder::seal() {
  file_.reset();
  if (!last_.empty()) (void)co_await write_index(segment_, std::exchange(last_, {}));
  last_.clear();
}

base::Task<Io<>> Recorder::write_index(
    const SegmentName& segment, const std::unordered_map<base::MessageId, std::uint32_t>& last) {
  std::vector<std::pair<base::MessageId, std::uint32_t>> entries(last.begin(), last.end());
  std::ranges::sort(entries);
  std::string octets = index_header(entries.size());
  base::Encoder encoder(octets);
  for (const auto& [id, offset] : entries) {
    encoder.number(id.value);
    encoder.number(offset);
  }
  const std::string name = path(segment.index());
  (void)disk_.unlink(name);
  auto file = disk_.open(name, sys::OpenMode::create);
  if (!file) co_return std::unexpected(file.error());
  const std::string_view piece = octets;
  const Io<> written = co_await sys::write(**file, 0, {&piece, 1});
  if (!written) (void)disk_.unlink(name);
  co_return written;
}

/// The last segment of an earlier run has none.
base::Task<> Recorder::make_missing_indexes() {
  const auto segments = list_segments(disk_, options_.directory);
  if (!segments) co_return;
  for (const SegmentName& segment : *segments) {
    segment_.time = std::max(segment_.time, segment.time);
    const Io<bool> exists = disk_.exists(path(segment.index()));
    if (!exists || *exists) continue;
    std::unordered_map<base::MessageId, std::uint32_t> last;
    const auto scanned =
        scan_segment(disk_, path(segment.records()),
                     [&last](std::uint32_t offset, const RecordHeader& header,
                             std::string_view /*text*/) { last[header.id] = offset; });
    if (scanned) (void)co_await write_index(segment, last);
  }
}

void Recorder::remove_old() {
  const auto segments = list_segments(disk_, options_.directory);
  if (!segments) return;
  std::vector<std::uint64_t> sizes;
  std::uint64_t all = 0;
  for (const SegmentName& segment : *segments) {
    std::uint64_t octets = 0;
    for (const std::string& name : {segment.records(), segment.index()}) {
      const auto file = disk_.open(path(name), sys::OpenMode::read);
      if (file) octets += (*file)->size().value_or(0);
    }
    sizes.push_back(octets);
    all += octets;
  }
  const base::WallTime oldest =
      clock_.wall() - std::chrono::duration_cast<std::chrono::milliseconds>(options_.keep);
  for (std::size_t i = 0; i < segments->size(); ++i) {
    const bool is_open = file_ && (*segments)[i].time == segment_.time;
    const bool is_last = i + 1 == segments->size();
    const base::WallTime ended = is_last ? clock_.wall() : (*segments)[i + 1].time;
    if (is_open || (ended >= oldest && all <= options_.octets_max)) break;
    // The index first: records without one are still found.
    (void)disk_.unlink(path((*segments)[i].index()));
    (void)disk_.unlink(path((*segments)[i].records()));
    all -= sizes[i];
  }
}

}  // namespace trace
