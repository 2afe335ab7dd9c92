#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "spool/log.h"
#include "spool/segment_writer.h"
#include "spool/signal.h"
#include "sys/clock.h"
#include "sys/disk.h"
#include "sys/loop.h"

namespace spool {

/// Readable from any thread.
struct LogGauges {
  std::atomic<std::uint64_t> frames = 0;
  std::atomic<std::uint64_t> frame_octets = 0;
  std::atomic<std::uint64_t> failed_frames = 0;
  std::atomic<std::uint64_t> segments_made = 0;
  std::atomic<std::uint32_t> epoch = 0;      ///< Of the open segment, or the last one.
  std::atomic<std::uint32_t> allocated = 0;  ///< Octets of the open segment.
  /// The disk is full: what is written takes from the reserve.
  std::atomic<bool> scarce = false;
};

/// What lies in segment `epoch` at or behind `offset` does not count; what lies before it is sure.
struct Ended {
  std::uint32_t epoch = 0;
  std::uint32_t offset = 0;
};

/// The one writer of the log: a coroutine on the commit loop. Group commit: whoever waits when a
/// frame begins joins it.
class Committer {
 public:
  struct World {
    sys::Loop& home;
    sys::Loop& commit;
    sys::Disk& disk;
    sys::Random& random;
  };
  Committer(const World& world, SegmentOptions options, std::string content_directory);

  /// What recovery leaves to do: how older segments ended, and what must be written anew with that
  /// (its `opening` comes home as others do). Before run().
  void start(std::uint32_t oldest_epoch, std::uint32_t next_epoch, std::vector<Ended> ended,
             Submission* opening);

  /// From the home loop.
  void submit(Submission& submission);

  /// Until a stop is submitted.
  [[nodiscard]] base::Task<> run();

  [[nodiscard]] const LogGauges& gauges() const { return gauges_; }

 private:
  using Batch = std::vector<Submission*>;

  void arrived(Submission& submission);
  [[nodiscard]] Submission* take();
  [[nodiscard]] Batch take_batch();
  [[nodiscard]] base::Task<> step();
  [[nodiscard]] base::Task<> commit(Batch batch);
  /// Each takes out of the batch what fails, and finishes it.
  [[nodiscard]] base::Task<> sync_contents(Batch& batch);
  void name_anew(const std::string& path);
  void read_copies(Batch& batch);
  [[nodiscard]] base::Task<> find_room(Batch& batch);
  [[nodiscard]] base::Task<base::Io<>> make_room(const Batch& batch, bool essential);

  [[nodiscard]] base::Task<base::Io<>> open_segment(bool scarce);
  /// Goes on in a new segment, though the open one is not full.
  [[nodiscard]] base::Task<base::Io<>> roll(Submission& order);
  /// What it also has to say.
  [[nodiscard]] std::uint64_t octets_in_first_frame() const;
  /// What the open segment does not need may be what the next one lacks.
  void end_segment_for_room();
  [[nodiscard]] base::Task<base::Io<>> write_frame(const Batch& batch);
  /// After a failed frame: makes sure that it does not count.
  [[nodiscard]] base::Task<StoreError::Kind> disown();
  [[nodiscard]] base::Task<base::Io<>> free_segment(const Submission& order);
  [[nodiscard]] base::Io<> take_out(std::uint32_t epoch, bool keep);

  [[nodiscard]] base::Io<std::string> read_body(const Location& location);
  void fail(Batch& batch, const StoreError& error, bool only_inessential);
  void finish(const Batch& batch) noexcept;

  /// What one turn of the home loop submits, on its way: one wake-up, and one frame, for all of it.
  struct Gathering final : base::Posted {
    Committer* committer = nullptr;
    base::Posted* first = nullptr;
    base::Posted* last = nullptr;
  };

  Gathering gathering_;
  World world_;
  SegmentOptions options_;
  std::string content_directory_;
  bool folder_failed_ = false;  ///< A sync of that folder, at any time.
  std::uint32_t oldest_ = 1;    ///< Segments before it are gone.
  std::uint32_t next_epoch_ = 1;
  std::vector<Ended> ended_;
  Submission* opening_ = nullptr;
  std::unique_ptr<SegmentWriter> segment_;
  Submission* first_ = nullptr;
  Submission* last_ = nullptr;
  Signal signal_;
  bool stopped_ = false;
  LogGauges gauges_;
};

}  // namespace spool
