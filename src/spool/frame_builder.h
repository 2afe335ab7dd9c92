#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spool/log.h"

namespace spool {

/// Lays out one frame: its head, the heads of its records, the small bodies, the contents, zeros up
/// to the next block. Contents are not copied: the records must stay until the frame is written.
class FrameBuilder {
 public:
  FrameBuilder(const FrameHead& head, std::uint32_t offset) : head_(head), offset_(offset) {}

  /// Records that count together or not at all.
  void add_group(std::span<Record> group);

  /// Sets where each record lies, in it and here. Once, after the last group.
  void finish();

  struct Placed {
    Record* record;
    RecordHead head;
  };
  [[nodiscard]] const std::vector<Placed>& records() const { return records_; }
  [[nodiscard]] std::span<const std::string_view> pieces() const { return pieces_; }
  [[nodiscard]] std::uint32_t octets() const { return head_.octets; }
  [[nodiscard]] std::uint32_t offset() const { return offset_; }

 private:
  void place(std::uint64_t& at);

  FrameHead head_;
  std::uint32_t offset_;
  std::vector<Placed> records_;
  std::string front_;  ///< All but contents and padding.
  std::vector<std::string_view> pieces_;
};

/// What a record adds to a frame, in octets.
[[nodiscard]] std::uint64_t octets_in_frame(const Record& record);
[[nodiscard]] std::uint64_t octets_in_frame(const Submission& submission);

/// Gathers what the index of a segment will hold, and writes it as a frame.
class IndexBuilder {
 public:
  void add(const FrameBuilder::Placed& placed);
  /// The index as one frame at `offset`. Leaves out messages that came and were done within the
  /// segment: nobody will ask for them.
  [[nodiscard]] std::string frame(const FrameHead& head, std::uint32_t offset) const;
  void clear();

 private:
  struct Entry {
    RecordHead head;
    std::size_t body_at = 0;  ///< In bodies_; not for contents.
  };
  [[nodiscard]] std::vector<const Entry*> wanted() const;

  std::vector<Entry> entries_;
  std::string bodies_;
};

}  // namespace spool
