#include "spool/segment_reader.h"

#include <algorithm>
#include <unordered_set>

#include "base/crc32c.h"

namespace spool {

using base::Io;

namespace {

/// In octets. What is read at once when a search goes block by block.
constexpr std::size_t search_octets = 256u << 10;

std::string_view name_of(RecordType type) {
  switch (type) {
    case RecordType::content: return "content";
    case RecordType::accepted: return "envelope";
    case RecordType::state: return "state of the recipients";
    case RecordType::done: return "end of a message";
    case RecordType::hop: return "next hop";
    case RecordType::ended: return "end of a segment";
    case RecordType::damage: return "note of damage";
  }
  return "record";
}

}  // namespace

SegmentReader::SegmentReader(sys::Disk& disk, const std::string& directory, std::uint32_t epoch)
    : disk_(disk), path_(directory + "/" + segment_name(epoch)), epoch_(epoch) {}

Io<> SegmentReader::prepare(std::optional<std::uint32_t> ended) {
  ended_ = ended;
  if (const Io<> opened = reopen(); !opened) return opened;
  const Io<std::uint64_t> size = file_->size();
  if (!size) return std::unexpected(size.error());
  size_ = *size / block_octets * block_octets;
  // Without the first frame nothing tells this segment's own frames from those in a content.
  const auto first = size_ > 0 ? frame_at(0) : std::nullopt;
  if (first) salt_ = first->head.salt;
  if (first && size_ >= 2 * block_octets) {
    const auto footer = frame_at(static_cast<std::uint32_t>(size_ - block_octets));
    if (footer && footer->head.kind == FrameKind::footer) index_at_ = footer->head.durable_up_to;
  }
  if (!index_at_) find_frames();
  return {};
}

Io<> SegmentReader::reopen() {
  auto file = disk_.open(path_, sys::OpenMode::read);
  if (!file) return std::unexpected(file.error());
  file_ = std::move(*file);
  return {};
}

std::string SegmentReader::read(std::uint64_t at, std::size_t octets) {
  if (at >= size_) return {};
  octets = std::min<std::size_t>(octets, size_ - at);
  std::string out(octets, '\0');
  for (int attempt = 0; attempt < 2; ++attempt)
    if (const Io<std::size_t> got = file_->read(at, out); got && *got == octets) return out;
  // A bad sector: everything around it is still wanted.
  for (std::size_t done = 0; done < octets; done += block_octets) {
    const std::size_t some = std::min<std::size_t>(block_octets, octets - done);
    const std::span<char> part(out.data() + done, some);
    if (const Io<std::size_t> got = file_->read(at + done, part); !got || *got != some)
      std::ranges::fill(part, '\0');
  }
  return out;
}

std::optional<SegmentReader::Frame> SegmentReader::frame_at(std::uint32_t offset) {
  const bool buffered =
      offset >= buffer_at_ && offset + frame_head_octets <= buffer_at_ + buffer_.size();
  if (!buffered) {
    // A search goes on where the buffer ends; everything else jumps.
    const bool searching = offset == buffer_at_ + buffer_.size();
    buffer_ = read(offset, searching ? search_octets : block_octets);
    buffer_at_ = offset;
  }
  const std::string_view octets = std::string_view(buffer_).substr(offset - buffer_at_);
  const auto head = parse_frame_head(octets);
  if (!head || head->epoch != epoch_ || (salt_ && head->salt != *salt_)) return std::nullopt;
  if (offset + std::uint64_t{head->octets} > size_) return std::nullopt;
  return Frame{offset, *head};
}

void SegmentReader::find_frames() {
  frames_found_ = true;
  std::uint32_t durable = 0;
  std::optional<Frame> bad;
  for (std::uint64_t at = 0; at < size_;) {
    const auto offset = static_cast<std::uint32_t>(at);
    const auto frame = frame_at(offset);
    if (!frame) {
      if (!bad) bad = Frame{offset, {}, true};
      at += block_octets;
      continue;
    }
    salt_ = frame->head.salt;
    if (bad) {
      bad->head.octets = offset - bad->offset;
      frames_.push_back(*std::exchange(bad, std::nullopt));
    }
    if (frame->head.kind != FrameKind::footer)
      durable = std::max(durable, frame->head.durable_up_to);
    frames_.push_back(*frame);
    at += frame->head.octets;
  }
  sure_end_ = ended_ ? *ended_ : durable;
  if (bad && bad->offset < sure_end_) {
    bad->head.octets = sure_end_ - bad->offset;
    frames_.push_back(*bad);
  }
}

std::optional<std::string_view> SegmentReader::Parsed::body(const RecordHead& head) const {
  if (head.offset < bodies_at ||
      head.offset - bodies_at + std::uint64_t{head.length} > bodies.size())
    return std::nullopt;
  const auto octets = std::string_view(bodies).substr(head.offset - bodies_at, head.length);
  if (base::crc32c(octets) != head.body_crc) return std::nullopt;
  return octets;
}

SegmentReader::Parsed SegmentReader::parse(const Frame& frame) {
  Parsed out;
  const std::uint32_t heads_at = frame.offset + frame_head_octets;
  // How many records a frame with a bad head has, they say themselves, up to the first bad one.
  const std::size_t most =
      frame.bad ? (frame.head.octets - frame_head_octets) / record_head_octets : frame.head.records;
  const std::string heads = read(heads_at, most * record_head_octets);
  std::uint64_t first_content = frame.offset + std::uint64_t{frame.head.octets};
  for (std::size_t i = 0; i < most; ++i) {
    const std::size_t at = std::min(i * record_head_octets, heads.size());
    const RecordPlace place{salt_.value_or(0), epoch_, frame.offset, static_cast<std::uint32_t>(i)};
    auto head = parse_record_head(std::string_view(heads).substr(at), place);
    if (!head && frame.bad) break;
    if (head && head->type == RecordType::content && frame.head.kind == FrameKind::data)
      first_content = std::min<std::uint64_t>(first_content, head->offset);
    out.heads.push_back(head);
  }
  out.bodies_at = static_cast<std::uint32_t>(heads_at + out.heads.size() * record_head_octets);
  if (first_content > out.bodies_at)
    out.bodies = read(out.bodies_at, first_content - out.bodies_at);
  return out;
}

std::vector<SegmentReader::EndOfOther> SegmentReader::ends_of_others() {
  std::vector<EndOfOther> out;
  buffer_.clear();
  const auto first = frame_at(0);
  if (!first || (ended_ && *ended_ == 0)) return out;
  const bool sure = index_at_.has_value() || sure_end_ > 0;
  const Parsed parsed = parse(*first);
  for (std::size_t i = 0; i < parsed.heads.size(); ++i) {
    const auto& head = parsed.heads[i];
    if (!head || head->type != RecordType::ended) continue;
    if (!sure && !whole_group(parsed, head->group)) continue;
    out.push_back({static_cast<std::uint32_t>(head->id.value),
                   static_cast<std::uint32_t>(head->aux), sure,
                   (head->flags & record_all_older) != 0});
  }
  return out;
}

SegmentTail SegmentReader::visit(SegmentVisitor& visitor) {
  SegmentTail tail;
  if (ended_ && *ended_ == 0) return tail;
  if (index_at_ && visit_index(visitor)) {
    tail.begin = sure_end_;
    return tail;
  }
  if (!frames_found_) find_frames();
  for (const Frame& frame : frames_) {
    if (frame.head.kind != FrameKind::data) continue;
    if (frame.offset < sure_end_)
      visit_sure(frame, visitor);
    else if (!ended_ && !frame.bad)
      visit_tail(frame, visitor, tail);
  }
  tail.begin = sure_end_;
  tail.end = sure_end_;
  for (const Frame& frame : frames_)
    tail.end = std::max(*tail.end, frame.offset + frame.head.octets);
  return tail;
}

bool SegmentReader::visit_index(SegmentVisitor& visitor) {
  buffer_.clear();
  const auto index = frame_at(*index_at_);
  if (!index || index->head.kind != FrameKind::index) return false;
  if (ended_ && *ended_ < index->head.durable_up_to) return false;
  const Parsed parsed = parse(*index);
  for (const auto& head : parsed.heads) {
    if (!head) return false;
    if (head->type != RecordType::content && !parsed.body(*head)) return false;
  }
  sure_end_ = index->head.durable_up_to;
  for (const auto& head : parsed.heads) {
    const auto body = parsed.body(*head).value_or("");
    visitor.record(*head, {epoch_, head->offset, head->length, head->body_crc}, body);
  }
  return true;
}

void SegmentReader::visit_sure(const Frame& frame, SegmentVisitor& visitor) {
  const Parsed parsed = parse(frame);
  if (frame.bad && parsed.heads.empty()) {
    visitor.damage(
        {.epoch = epoch_, .offset = frame.offset, .length = frame.head.octets, .what = "frame"},
        RecordType::accepted);
    return;
  }
  for (std::size_t i = 0; i < parsed.heads.size(); ++i) {
    const auto& head = parsed.heads[i];
    if (!head) {
      report_bad_head(frame, parsed, i, visitor);
      continue;
    }
    const Location location{epoch_, head->offset, head->length, head->body_crc};
    if (head->type == RecordType::content) {
      visitor.record(*head, location, {});
    } else if (const auto body = parsed.body(*head)) {
      visitor.record(*head, location, *body);
    } else {
      visitor.damage({.id = head->id,
                      .epoch = epoch_,
                      .offset = head->offset,
                      .length = head->length,
                      .content_file = head->type == RecordType::accepted ? head->aux : 0,
                      .what = std::string(name_of(head->type))},
                     head->type);
    }
  }
}

void SegmentReader::report_bad_head(const Frame& frame, const Parsed& parsed, std::size_t index,
                                    SegmentVisitor& visitor) const {
  DamageBody damage{.epoch = epoch_,
                    .offset = frame.offset + frame_head_octets + index * record_head_octets,
                    .length = record_head_octets,
                    .what = "head of a record"};
  // A content stands before the envelope that it belongs to, and either tells the other's name.
  const auto neighbour = [&](std::size_t at, RecordType type) {
    if (at >= parsed.heads.size() || !parsed.heads[at] || parsed.heads[at]->type != type)
      return false;
    damage.id = parsed.heads[at]->id;
    damage.content_file = type == RecordType::accepted ? parsed.heads[at]->aux : 0;
    return true;
  };
  const bool known = (index > 0 && neighbour(index - 1, RecordType::content)) ||
                     neighbour(index + 1, RecordType::accepted);
  visitor.damage(damage, known ? RecordType::accepted : RecordType::damage);
}

std::optional<std::vector<Record>> SegmentReader::whole_group(const Parsed& parsed,
                                                              std::size_t first) {
  if (first >= parsed.heads.size() || !parsed.heads[first]) return std::nullopt;
  const std::size_t count = parsed.heads[first]->group_records;
  if (parsed.heads[first]->group != first || count > parsed.heads.size() - first)
    return std::nullopt;
  std::vector<Record> out;
  for (std::size_t i = first; i < first + count; ++i) {
    const auto& head = parsed.heads[i];
    if (!head || head->group != first) return std::nullopt;
    Record& record = out.emplace_back();
    record.type = head->type;
    record.flags = head->flags;
    record.id = head->id;
    record.aux = head->aux;
    record.placed = {epoch_, head->offset, head->length, head->body_crc};
    if (head->type == RecordType::content) {
      std::string octets = read(head->offset, head->length);
      if (octets.size() != head->length || base::crc32c(octets) != head->body_crc)
        return std::nullopt;
      record.content = std::make_shared<ContentBody>(std::move(octets));
    } else if (const auto body = parsed.body(*head)) {
      record.body = *body;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

void SegmentReader::visit_tail(const Frame& frame, SegmentVisitor& visitor, SegmentTail& tail) {
  const Parsed parsed = parse(frame);
  for (std::size_t i = 0; i < parsed.heads.size();) {
    auto group = whole_group(parsed, i);
    if (!group) {
      ++tail.forgotten;
      // On to where the next group says that it begins.
      do ++i;
      while (i < parsed.heads.size() && (!parsed.heads[i] || parsed.heads[i]->group != i));
      continue;
    }
    for (Record& record : *group) {
      visitor.record(*parsed.heads[i++], record.placed, record.body);
      tail.records.push_back(std::move(record));
    }
  }
}

}  // namespace spool
