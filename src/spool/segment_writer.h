#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/task.h"
#include "spool/frame_builder.h"
#include "sys/disk.h"

namespace spool {

struct SegmentOptions {
  std::string directory;
  std::uint32_t segment_octets = 0;   ///< Frames begin below this.
  std::uint32_t allocate_octets = 0;  ///< Room is made in such steps.
  std::uint32_t reserve_octets = 0;   ///< Room kept for essential frames.
  bool synchronous = true;
};

/// The segment that is being written. Used on the commit loop.
class SegmentWriter {
 public:
  SegmentWriter(sys::Disk& disk, const SegmentOptions& options, std::uint32_t epoch,
                std::uint32_t salt);

  /// Creates the file, makes room, syncs the directory. After an error the file is gone again, as
  /// far as the disk lets us. `scarce`: does with whatever room there is.
  [[nodiscard]] base::Task<base::Io<>> create(bool scarce);

  /// Makes sure that a frame fits. IoErrorCode::no_space also when the segment is full.
  [[nodiscard]] base::Io<> make_room(std::uint64_t octets, bool essential);

  /// Begins a frame where the last one ended.
  [[nodiscard]] FrameBuilder begin_frame();
  /// Writes and syncs. After an error the segment must not be used any more.
  [[nodiscard]] base::Task<base::Io<>> write(const FrameBuilder& frame);

  /// Writes, unsynced, that everything so far is durable. Nothing when that is written already.
  [[nodiscard]] base::Task<base::Io<>> mark();
  /// Ends the segment with an index, unsynced, and gives back room that is not needed. The segment
  /// is good without it, only slower to recover.
  [[nodiscard]] base::Task<> seal();
  /// Ends it without an index, which would need some of that room.
  void give_back_room();

  [[nodiscard]] std::uint32_t epoch() const { return epoch_; }
  /// Where the frames end that are synced.
  [[nodiscard]] std::uint32_t durable_end() const { return durable_end_; }
  [[nodiscard]] bool empty() const { return durable_end_ == 0; }
  [[nodiscard]] std::uint32_t allocated() const { return allocated_; }

 private:
  [[nodiscard]] FrameHead head(FrameKind kind);
  /// Of that size the file now is; no less than before.
  [[nodiscard]] base::Io<> allocate(std::uint64_t octets);

  sys::Disk& disk_;
  const SegmentOptions& options_;
  std::uint32_t epoch_;
  std::uint32_t salt_;
  std::string path_;
  std::unique_ptr<sys::File> file_;
  std::uint64_t sequence_ = 0;
  std::uint32_t end_ = 0;
  std::uint32_t durable_end_ = 0;
  std::uint32_t allocated_ = 0;
  IndexBuilder index_;
};

}  // namespace spool
