#include "spool/segment_writer.h"

#include <algorithm>
#include <array>

namespace spool {

using base::Io;

namespace {

/// In octets. With less there is no point in beginning a segment.
constexpr std::uint64_t scarce_octets_min = 4 * block_octets;

}  // namespace

SegmentWriter::SegmentWriter(sys::Disk& disk, const SegmentOptions& options, std::uint32_t epoch,
                             std::uint32_t salt)
    : disk_(disk),
      options_(options),
      epoch_(epoch),
      salt_(salt),
      path_(options.directory + "/" + segment_name(epoch)) {}

base::Task<Io<>> SegmentWriter::create(bool scarce) {
  auto file = disk_.open(path_, sys::OpenMode::create);
  if (!file) co_return std::unexpected(file.error());
  file_ = std::move(*file);
  Io<> made = make_room(0, false);
  for (std::uint64_t octets = options_.reserve_octets / 2;
       !made && scarce && octets >= scarce_octets_min; octets /= 2)
    made = allocate(padded(octets));
  if (made && options_.synchronous) made = co_await sys::sync_directory(disk_, options_.directory);
  if (!made) {
    file_.reset();
    static_cast<void>(disk_.unlink(path_));  // An empty segment is harmless, should it stay.
  }
  co_return made;
}

Io<> SegmentWriter::make_room(std::uint64_t octets, bool essential) {
  const std::uint64_t end = end_ + padded(octets);
  const std::uint64_t limit =
      std::uint64_t{options_.segment_octets} + (essential ? options_.reserve_octets : 0);
  // The first frame may be larger than a segment: it repeats what a crash left unsure.
  if (end > limit && end_ > 0) return base::io_error(base::IoErrorCode::no_space);
  const std::uint64_t wanted = end + options_.reserve_octets;
  if (wanted <= allocated_) return {};
  const std::uint64_t step = std::max(options_.allocate_octets, block_octets);
  const std::uint64_t target = std::max(
      wanted, std::min<std::uint64_t>((wanted + step - 1) / step * step,
                                      std::uint64_t{options_.segment_octets} + block_octets));
  Io<> made = allocate(padded(target));
  if (!made && made.error().code == base::IoErrorCode::no_space) made = allocate(padded(wanted));
  if (made || !essential) return made;
  // What is left then is for the next segment, so that there can be one.
  const std::uint64_t kept = std::min(options_.reserve_octets, allocated_) / 4;
  return end + kept <= allocated_ ? Io<>{} : made;
}

Io<> SegmentWriter::allocate(std::uint64_t octets) {
  const Io<> made = file_->allocate(octets);
  if (made) allocated_ = static_cast<std::uint32_t>(octets);
  return made;
}

FrameHead SegmentWriter::head(FrameKind kind) {
  return {.kind = kind,
          .epoch = epoch_,
          .salt = salt_,
          .sequence = ++sequence_,
          .octets = block_octets,
          .records = 0,
          .durable_up_to = durable_end_};
}

FrameBuilder SegmentWriter::begin_frame() { return {head(FrameKind::data), end_}; }

base::Task<Io<>> SegmentWriter::write(const FrameBuilder& frame) {
  Io<> result = co_await sys::write(*file_, frame.offset(), frame.pieces());
  if (result && options_.synchronous) result = co_await sys::sync(*file_);
  if (!result) co_return result;
  end_ = frame.offset() + frame.octets();
  durable_end_ = end_;
  for (const FrameBuilder::Placed& placed : frame.records()) index_.add(placed);
  co_return result;
}

base::Task<Io<>> SegmentWriter::mark() {
  if (end_ != durable_end_ || end_ + block_octets > allocated_) co_return Io<>{};
  std::string block;
  append_frame_head(block, head(FrameKind::data));
  block.resize(block_octets, '\0');
  const std::array<std::string_view, 1> pieces = {block};
  const Io<> written = co_await sys::write(*file_, end_, pieces);
  if (written) end_ += block_octets;
  co_return written;
}

base::Task<> SegmentWriter::seal() {
  std::string octets = index_.frame(head(FrameKind::index), end_);
  FrameHead footer = head(FrameKind::footer);
  footer.durable_up_to = end_;
  append_frame_head(octets, footer);
  octets.resize(padded(octets.size()), '\0');
  const std::array<std::string_view, 1> pieces = {octets};
  const Io<> written = co_await sys::write(*file_, end_, pieces);
  if (written) static_cast<void>(file_->truncate(end_ + octets.size()));
}

void SegmentWriter::give_back_room() { static_cast<void>(file_->truncate(end_)); }

}  // namespace spool
