#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/task.h"
#include "sys/loop.h"

// The file system. What is durable: the octets of a file after its sync() has succeeded; a name (of
// a new file, a rename, an unlink) after sync_directory() of its folder has. Everything else may be
// gone after a power cut, in any combination. After a failed sync() the octets that it was to save
// must be taken as lost, whatever reads or later syncs say.
//
// A Disk is used from any thread, a File from one at a time. Calls that return Io block for as long
// as the disk takes; calls that return Now may do so, too, and the caller's loop is chosen with
// that in mind (the spool and the mailboxes have loops of their own).
namespace sys {

enum class OpenMode : std::uint8_t {
  read,        ///< Must exist.
  read_write,  ///< Must exist.
  create,      ///< Must not exist; for reading and writing; mode 0600.
  append,      ///< Made if missing; every write goes to the end.
};

class File {
 public:
  virtual ~File() = default;  ///< Closes.

  [[nodiscard]] virtual base::Io<std::uint64_t> size() = 0;
  /// Reads up to `into.size()` octets at `at`; fewer only at the end of the file.
  [[nodiscard]] virtual base::Io<std::size_t> read(std::uint64_t at, std::span<char> into) = 0;
  /// Makes room on the disk, so that writes below `octets` do not run out of it. The file's size
  /// becomes at least `octets`; what was not written reads as zeros.
  [[nodiscard]] virtual base::Io<> allocate(std::uint64_t octets) = 0;
  [[nodiscard]] virtual base::Io<> truncate(std::uint64_t octets) = 0;
  /// Writes all of the pieces, one behind the other, from `at` on (`append`: at the end). After an
  /// error any part of it may have been written. Cannot be cancelled.
  [[nodiscard]] virtual Now<> write(std::uint64_t at, std::span<const std::string_view> pieces,
                                    Completion<>&) = 0;
  /// fdatasync. Cannot be cancelled.
  [[nodiscard]] virtual Now<> sync(Completion<>&) = 0;
  /// Starts writing out what sync() will wait for; a hint.
  virtual void start_writing_out(std::uint64_t at, std::uint64_t octets) = 0;
  /// An exclusive lock against other processes, kept until close. False: somebody holds it. It is
  /// by flock() and, of a file that is open for writing, by fcntl() as well, which mail readers heed.
  [[nodiscard]] virtual base::Io<bool> try_lock() = 0;
  /// Whether `path` names this file: it may have been moved away since it was opened.
  [[nodiscard]] virtual base::Io<bool> is_at(const std::string& path) = 0;
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
};

class Disk {
 public:
  virtual ~Disk() = default;

  [[nodiscard]] virtual base::Io<std::unique_ptr<File>> open(const std::string& path, OpenMode) = 0;
  [[nodiscard]] virtual base::Io<> rename(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual base::Io<> unlink(const std::string& path) = 0;
  /// Makes one folder, mode 0700. IoErrorCode::exists when there is one already.
  [[nodiscard]] virtual base::Io<> make_directory(const std::string& path) = 0;
  /// Lets every user of the machine pass through a folder, and with `list` see what is in it, too;
  /// takes no permission away. Does nothing where there are no other users.
  [[nodiscard]] virtual base::Io<> open_directory_to_all(const std::string& /*path*/,
                                                         bool /*list*/) {
    return {};
  }
  /// Names in it, without `.` and `..`, in ascending order.
  [[nodiscard]] virtual base::Io<std::vector<DirectoryEntry>> list(const std::string& path) = 0;
  [[nodiscard]] virtual base::Io<bool> exists(const std::string& path) = 0;
  /// fsync of a folder: makes durable which names it holds. Cannot be cancelled.
  [[nodiscard]] virtual Now<> sync_directory(const std::string& path, Completion<>&) = 0;
  /// What sync() of each of these files, all open here, would do, in one step for the price of
  /// one or two. Nullopt: that is not possible here, and nothing has been done.
  [[nodiscard]] virtual std::optional<base::Io<>> sync_together(std::span<File* const> /*files*/) {
    return std::nullopt;
  }
};

/// Makes `path` and the folders above it that are missing, and makes their names durable.
[[nodiscard]] base::Task<base::Io<>> make_directories(Disk& disk, std::string path);

/// The whole of a small file: `octets_max`, else IoErrorCode::no_space.
[[nodiscard]] base::Io<std::string> read_file(Disk& disk, const std::string& path,
                                              std::size_t octets_max);

/// Awaitable forms.
[[nodiscard]] inline auto write(File& file, std::uint64_t at,
                                std::span<const std::string_view> pieces) {
  return base::operation<base::Io<>>(
      [&file, at, pieces](auto& done) { return file.write(at, pieces, done); });
}
[[nodiscard]] inline auto sync(File& file) {
  return base::operation<base::Io<>>([&file](auto& done) { return file.sync(done); });
}
/// `path` must outlive the co_await.
[[nodiscard]] inline auto sync_directory(Disk& disk, const std::string& path) {
  return base::operation<base::Io<>>(
      [&disk, &path](auto& done) { return disk.sync_directory(path, done); });
}

}  // namespace sys
