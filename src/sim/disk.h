#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/rng.h"
#include "sys/disk.h"

namespace sim {

struct Node;
class Names;

/// What a call to the disk was. All but start_writing_out() are counted.
enum class DiskOperation : std::uint8_t {
  open,
  size,
  read,
  allocate,
  truncate,
  write,
  sync,
  try_lock,
  rename,
  unlink,
  make_directory,
  list,
  exists,
  sync_directory,
};
[[nodiscard]] std::string_view to_string(DiskOperation operation);

/// A file system in memory that forgets, at a power cut, any subset of what was not synced: of the
/// contents sector by sector (512 octets), of the sizes, and of the names change by change (a
/// rename as one step, even from folder to folder: durable once the folder of its new name is).
///
/// Without set_later() every operation completes at once. Paths: `/` or "" is the root, which
/// exists; relative ones start there.
class SimDisk final : public sys::Disk {
 public:
  explicit SimDisk(std::uint64_t seed);
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;
  ~SimDisk() override;

  [[nodiscard]] base::Io<std::unique_ptr<sys::File>> open(const std::string& path,
                                                          sys::OpenMode mode) override;
  [[nodiscard]] base::Io<> rename(const std::string& from, const std::string& to) override;
  [[nodiscard]] base::Io<> unlink(const std::string& path) override;
  [[nodiscard]] base::Io<> make_directory(const std::string& path) override;
  [[nodiscard]] base::Io<std::vector<sys::DirectoryEntry>> list(const std::string& path) override;
  [[nodiscard]] base::Io<bool> exists(const std::string& path) override;
  [[nodiscard]] sys::Now<> sync_directory(const std::string& path, sys::Completion<>&) override;

  // Faults.

  /// The n-th operation from now on (0: the next) fails with `error`. A write may then be done in
  /// part; a sync fails as fail_syncs() says; everything else has no effect.
  void fail_at(std::uint64_t n, base::IoError error);
  void never_fail() { fail_at_.reset(); }
  [[nodiscard]] bool fault_reached() const { return fault_reached_; }
  /// So many of a thousand syncs (of files and folders) fail with EIO. After one, each change that
  /// it was to save is either durable or lost at the next power cut, though reads still show it
  /// and later syncs succeed.
  void fail_syncs(unsigned per_mille) { sync_failures_ = per_mille; }
  /// In octets, for all contents, in blocks of 4 KiB. Beyond it writes (in part) and allocate()
  /// fail with no_space. Nullopt: without limit.
  void set_capacity(std::optional<std::uint64_t> octets) { capacity_ = octets; }
  [[nodiscard]] std::uint64_t used() const { return used_; }

  /// A mutation: a sync or sync_directory for which this says true reports success without effect.
  /// `ordinal` counts all operations. For tests that prove each sync to be needed.
  using Skip = std::function<bool(DiskOperation, const std::string& path, std::uint64_t ordinal)>;
  void set_skip(Skip skip) { skip_ = std::move(skip); }

  /// Called before each operation with its ordinal; may call halt(), which then hits this
  /// operation.
  using Observer = std::function<void(DiskOperation, const std::string& path, std::uint64_t)>;
  void set_observer(Observer observer) { observer_ = std::move(observer); }

  // The life of the machine.

  /// From now on every operation fails with IoErrorCode::cancelled and changes nothing, those that
  /// are under way, too.
  void halt() { halted_ = true; }
  [[nodiscard]] bool halted() const { return halted_; }
  /// The process is gone, the machine goes on: everything written is still there, nothing more is
  /// durable. Files that are still open are dead, locks free; the disk works again.
  void kill();
  /// Forgets any subset of what was not synced, then as kill().
  void power_cut();
  /// Everything becomes durable.
  void settle();

  // For tests; none counts as an operation.

  [[nodiscard]] std::uint64_t operations() const { return operations_; }
  /// The contents of a file; nullopt when there is none.
  [[nodiscard]] std::optional<std::string> contents(const std::string& path) const;
  /// Makes a file, and the folders above it; all durable. Replaces one that is there.
  void put(const std::string& path, std::string_view contents);
  /// Flips bits of one octet, durably: damage.
  void damage(const std::string& path, std::uint64_t at, unsigned char mask);
  /// Every path in order, folders with a `/` at the end.
  [[nodiscard]] std::vector<std::string> tree() const;

  struct Logged {
    DiskOperation operation;
    std::string path;
    std::uint64_t ordinal;
  };
  /// All operations from the call of record() on.
  void record(bool on) { recording_ = on; }
  [[nodiscard]] const std::vector<Logged>& log() const { return log_; }
  void clear_log() { log_.clear(); }

  /// Where Now operations wait: runs the function later on the caller's loop and returns true, or
  /// returns false, and the operation is done at once.
  using Later = std::function<bool(std::function<void()>)>;
  void set_later(Later later) { later_ = std::move(later); }

 private:
  friend class SimFile;
  using Life = std::uint64_t;

  /// Counts the operation, and says why it must fail.
  [[nodiscard]] base::Io<> begin(DiskOperation operation, const std::string& path);
  [[nodiscard]] bool is_skipped(DiskOperation operation, const std::string& path) const;
  [[nodiscard]] bool sync_fails() { return rng_.chance(sync_failures_); }
  /// Makes the charge of a file what `octets` ask for; false when the disk is full.
  [[nodiscard]] bool charge(Node& node, std::uint64_t octets);
  void release_if_gone(Node& node);
  void end_life();
  /// Gives the result of `act` at once or later; if the machine has died meanwhile, cancelled.
  [[nodiscard]] sys::Now<> finish(sys::Completion<>& done, std::function<base::Io<>()> act);

  Rng rng_;
  std::unique_ptr<Names> names_;
  Life life_ = 1;
  bool halted_ = false;
  std::uint64_t operations_ = 0;
  std::uint64_t used_ = 0;
  std::optional<std::uint64_t> capacity_;
  struct Fault {
    std::uint64_t ordinal;
    base::IoError error;
  };
  std::optional<Fault> fail_at_;
  bool fault_reached_ = false;
  unsigned sync_failures_ = 0;
  Skip skip_;
  Observer observer_;
  Later later_;
  bool recording_ = false;
  std::vector<Logged> log_;
};

}  // namespace sim
