#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spool/format.h"
#include "spool/log.h"
#include "sys/disk.h"

namespace spool {

/// Receives what a segment holds, in the order in which it was written.
class SegmentVisitor {
 public:
  virtual ~SegmentVisitor() = default;
  /// `body` is empty for a content: contents are not read.
  virtual void record(const RecordHead& head, const Location& location, std::string_view body) = 0;
  virtual void damage(const DamageBody& damage, RecordType type) = 0;
};

/// What lies behind the last sync that is known to have succeeded.
struct SegmentTail {
  std::uint32_t begin = 0;      ///< Everything before it is sure.
  std::vector<Record> records;  ///< Of whole commits, with the octets of their contents.
  std::uint64_t forgotten = 0;  ///< Commits that are not whole.
  /// Behind it is nothing but room; nullopt: who wrote the segment has given that back already.
  std::optional<std::uint32_t> end;
};

/// Reads one segment that nobody writes to. An octet that can't be read, even at the second try,
/// reads as zero, and so as damage.
class SegmentReader {
 public:
  SegmentReader(sys::Disk& disk, const std::string& directory, std::uint32_t epoch);

  /// Finds the frames, or the index. `ended`: where the segment ended, if a newer one says so.
  [[nodiscard]] base::Io<> prepare(std::optional<std::uint32_t> ended);

  struct EndOfOther {
    std::uint32_t epoch;
    std::uint32_t offset;
    bool sure;       ///< Or in the tail.
    bool all_older;  ///< No segment before `epoch` counts.
  };
  /// What it says about older segments.
  [[nodiscard]] std::vector<EndOfOther> ends_of_others();

  /// Between prepare() and visit(), so that many segments don't need as many descriptors.
  void close() { file_.reset(); }
  [[nodiscard]] base::Io<> reopen();

  /// Everything that counts, the whole commits of the tail, too.
  [[nodiscard]] SegmentTail visit(SegmentVisitor& visitor);

  [[nodiscard]] std::uint32_t epoch() const { return epoch_; }
  [[nodiscard]] std::uint64_t octets() const { return size_; }

 private:
  struct Frame {
    std::uint32_t offset = 0;
    FrameHead head;
    bool bad = false;  ///< The head is: `head.octets` goes up to the next good frame.
  };
  struct Parsed {
    std::vector<std::optional<RecordHead>> heads;
    std::string bodies;
    std::uint32_t bodies_at = 0;  ///< Offset in the segment.
    [[nodiscard]] std::optional<std::string_view> body(const RecordHead& head) const;
  };

  [[nodiscard]] std::string read(std::uint64_t at, std::size_t octets);
  [[nodiscard]] std::optional<Frame> frame_at(std::uint32_t offset);
  void find_frames();
  [[nodiscard]] bool visit_index(SegmentVisitor& visitor);
  void visit_sure(const Frame& frame, SegmentVisitor& visitor);
  void visit_tail(const Frame& frame, SegmentVisitor& visitor, SegmentTail& tail);
  [[nodiscard]] Parsed parse(const Frame& frame);
  [[nodiscard]] std::optional<std::vector<Record>> whole_group(const Parsed& parsed,
                                                               std::size_t first);
  void report_bad_head(const Frame& frame, const Parsed& parsed, std::size_t index,
                       SegmentVisitor& visitor) const;

  sys::Disk& disk_;
  std::string path_;
  std::uint32_t epoch_;
  std::unique_ptr<sys::File> file_;
  std::uint64_t size_ = 0;
  std::optional<std::uint32_t> salt_;  ///< That of the first good frame.
  std::optional<std::uint32_t> index_at_;
  std::optional<std::uint32_t> ended_;
  std::vector<Frame> frames_;
  bool frames_found_ = false;
  std::uint32_t sure_end_ = 0;
  // The octets read last.
  std::string buffer_;
  std::uint64_t buffer_at_ = 0;
};

}  // namespace spool
