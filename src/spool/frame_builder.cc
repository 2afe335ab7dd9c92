#include "spool/frame_builder.h"

#include <unordered_set>

#include "base/assert.h"
#include "base/crc32c.h"

namespace spool {
namespace {

constexpr char zeros[block_octets] = {};

}  // namespace

std::size_t Record::length() const {
  if (content) return content->size;
  return copy_of.epoch != 0 ? copy_of.length : body.size();
}

std::uint64_t octets_in_frame(const Record& record) { return record_head_octets + record.length(); }

std::uint64_t octets_in_frame(const Submission& submission) {
  std::uint64_t sum = 0;
  for (const Record& record : submission.records) sum += octets_in_frame(record);
  return sum;
}

void FrameBuilder::add_group(std::span<Record> group) {
  const auto first = static_cast<std::uint32_t>(records_.size());
  for (Record& record : group) {
    RecordHead head;
    head.type = record.type;
    head.flags = record.flags;
    head.id = record.id;
    head.aux = record.aux;
    head.group = first;
    head.group_records = static_cast<std::uint32_t>(group.size());
    head.length = static_cast<std::uint32_t>(record.length());
    head.body_crc = record.content ? record.content->crc : base::crc32c(record.body);
    records_.push_back({&record, head});
  }
}

void FrameBuilder::place(std::uint64_t& at) {
  for (const bool contents : {false, true}) {
    for (Placed& placed : records_) {
      if ((placed.record->content != nullptr) != contents) continue;
      placed.head.offset = static_cast<std::uint32_t>(at);
      at += placed.head.length;
      placed.record->placed = {head_.epoch, placed.head.offset, placed.head.length,
                               placed.head.body_crc};
    }
  }
}

void FrameBuilder::finish() {
  head_.records = static_cast<std::uint32_t>(records_.size());
  std::uint64_t at = offset_ + frame_head_octets + records_.size() * record_head_octets;
  place(at);
  head_.octets = static_cast<std::uint32_t>(padded(at - offset_));

  append_frame_head(front_, head_);
  std::uint32_t index = 0;
  for (const Placed& placed : records_)
    append_record_head(front_, placed.head, {head_.salt, head_.epoch, offset_, index++});
  for (const Placed& placed : records_)
    if (placed.record->content == nullptr) front_ += placed.record->body;

  pieces_.push_back(front_);
  for (const Placed& placed : records_) {
    if (placed.record->content == nullptr) continue;
    for (const std::string& chunk : placed.record->content->chunks) pieces_.push_back(chunk);
  }
  const std::uint64_t padding = offset_ + head_.octets - at;
  if (padding > 0) pieces_.push_back(std::string_view(zeros, padding));
}

void IndexBuilder::add(const FrameBuilder::Placed& placed) {
  entries_.push_back({placed.head, bodies_.size()});
  if (placed.head.type != RecordType::content) bodies_ += placed.record->body;
}

void IndexBuilder::clear() {
  entries_.clear();
  bodies_.clear();
  bodies_.shrink_to_fit();
}

std::vector<const IndexBuilder::Entry*> IndexBuilder::wanted() const {
  std::unordered_set<base::MessageId> accepted;
  std::unordered_set<base::MessageId> over;
  for (const Entry& entry : entries_) {
    if (entry.head.type == RecordType::accepted) accepted.insert(entry.head.id);
    if (entry.head.type == RecordType::done && accepted.contains(entry.head.id))
      over.insert(entry.head.id);
  }
  std::vector<const Entry*> out;
  for (const Entry& entry : entries_) {
    const RecordType type = entry.head.type;
    const bool of_message =
        type != RecordType::hop && type != RecordType::ended && type != RecordType::damage;
    // The `done` of a message that was copied here from an older segment must stay, since that
    // segment may still be there; it is small, so all of them stay.
    if (of_message && type != RecordType::done && over.contains(entry.head.id)) continue;
    out.push_back(&entry);
  }
  return out;
}

std::string IndexBuilder::frame(const FrameHead& head, std::uint32_t offset) const {
  const std::vector<const Entry*> entries = wanted();
  FrameHead frame = head;
  frame.records = static_cast<std::uint32_t>(entries.size());
  std::uint64_t at = offset + frame_head_octets + entries.size() * record_head_octets;
  std::vector<RecordHead> heads;
  heads.reserve(entries.size());
  for (const Entry* entry : entries) {
    RecordHead& copy = heads.emplace_back(entry->head);
    if (copy.type == RecordType::content) continue;
    copy.offset = static_cast<std::uint32_t>(at);
    at += copy.length;
  }
  frame.octets = static_cast<std::uint32_t>(padded(at - offset));
  std::string out;
  out.reserve(frame.octets);
  append_frame_head(out, frame);
  std::uint32_t index = 0;
  for (const RecordHead& record : heads)
    append_record_head(out, record, {head.salt, head.epoch, offset, index++});
  for (const Entry* entry : entries)
    if (entry->head.type != RecordType::content)
      out += std::string_view(bodies_).substr(entry->body_at, entry->head.length);
  out.resize(frame.octets, '\0');
  return out;
}

}  // namespace spool
