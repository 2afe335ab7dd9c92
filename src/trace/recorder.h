#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/id.h"
#include "base/task.h"
#include "sys/clock.h"
#include "sys/disk.h"
#include "trace/format.h"

namespace trace {

struct Options {
  std::string directory;  ///< Made when missing.
  base::Duration keep = std::chrono::days(7);
  std::uint64_t octets_max = 4ull << 30;     ///< Of all segments and indexes.
  std::uint32_t segment_octets = 16u << 20;  ///< At most segment_octets_max.
};

/// Records what happens to messages. What waits to be written is bounded, and so is what is on the
/// disk, by age and by size; when the disk fails records are lost, and counted. Used on one loop.
class Recorder {
 public:
  Recorder(sys::Disk& disk, sys::Clock& clock, Options options);

  /// The text is the message's next record. It is written by the next write().
  void add(base::MessageId id, std::string_view text);
  /// Other bounds from the next segment on.
  void set_bounds(base::Duration keep, std::uint64_t octets_max) {
    options_.keep = keep;
    options_.octets_max = octets_max;
  }
  [[nodiscard]] bool has_work() const { return !pending_.empty(); }

  /// Writes what was added, into the page cache; goes on to a new segment when one is full, and
  /// then removes what is too old or too much. One at a time.
  [[nodiscard]] base::Task<> write();
  /// Finds out what an earlier run has left, and removes what is too old or too much.
  [[nodiscard]] base::Task<> open();

  /// Records that could not be written.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

  /// In octets. Beyond it records are lost.
  static constexpr std::size_t pending_octets_max = 32u << 20;

 private:
  [[nodiscard]] base::Task<base::Io<>> begin_segment();
  [[nodiscard]] base::Task<> append(std::string_view records);
  [[nodiscard]] base::Task<> seal();
  [[nodiscard]] base::Task<base::Io<>> write_index(
      const SegmentName& segment, const std::unordered_map<base::MessageId, std::uint32_t>& last);
  [[nodiscard]] base::Task<> make_missing_indexes();
  void remove_old();
  [[nodiscard]] std::string path(const std::string& name) const {
    return options_.directory + "/" + name;
  }

  sys::Disk& disk_;
  sys::Clock& clock_;
  Options options_;
  std::string pending_;  ///< Id, octets and text of each record.
  std::size_t pending_records_ = 0;
  std::uint64_t lost_ = 0;

  // The segment that is being written; none without a file.
  std::unique_ptr<sys::File> file_;
  SegmentName segment_{};
  std::uint64_t end_ = 0;
  std::unordered_map<base::MessageId, std::uint32_t> last_;  ///< Offset of each one's last record.
};

}  // namespace trace
