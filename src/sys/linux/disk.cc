#include "sys/linux/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "sys/linux/descriptor.h"

namespace sys::real {

using base::Io;
using base::IoErrorCode;

namespace {

/// Pieces of one pwritev().
constexpr std::size_t pieces_at_once_max = 256;
static_assert(pieces_at_once_max <= IOV_MAX);

/// Repeats a system call that a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

Io<> checked(int result) {
  if (result != 0) return system_failure();
  return {};
}

Io<struct stat> status_of(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return system_failure();
  return status;
}

/// The part of `pieces` that is not written yet.
class Remainder {
 public:
  explicit Remainder(std::span<const std::string_view> pieces) : pieces_(pieces) { skip(0); }

  [[nodiscard]] bool empty() const { return pieces_.empty(); }
  /// Fills `parts` and returns how many.
  [[nodiscard]] int gather(std::span<iovec> parts) const {
    const std::size_t count = std::min(pieces_.size(), parts.size());
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view piece = pieces_[i].substr(i == 0 ? done_of_first_ : 0);
      parts[i] = {const_cast<char*>(piece.data()), piece.size()};
    }
    return static_cast<int>(count);
  }
  void skip(std::size_t octets) {
    done_of_first_ += octets;
    while (!pieces_.empty() && done_of_first_ >= pieces_.front().size()) {
      done_of_first_ -= pieces_.front().size();
      pieces_ = pieces_.subspan(1);
    }
  }

 private:
  std::span<const std::string_view> pieces_;
  std::size_t done_of_first_ = 0;
};

class RealFile final : public File {
 public:
  RealFile(Descriptor file, bool appends) : file_(std::move(file)), appends_(appends) {}

  [[nodiscard]] Io<std::uint64_t> size() override {
    const Io<struct stat> status = status_of(fd());
    if (!status) return std::unexpected(status.error());
    return static_cast<std::uint64_t>(status->st_size);
  }

  [[nodiscard]] Io<std::size_t> read(std::uint64_t at, std::span<char> into) override {
    std::size_t got = 0;
    while (got < into.size()) {
      const ssize_t result = uninterrupted([&] {
        return ::pread(fd(), into.data() + got, into.size() - got, static_cast<off_t>(at + got));
      });
      if (result < 0) return system_failure();
      if (result == 0) break;
      got += static_cast<std::size_t>(result);
    }
    return got;
  }

  [[nodiscard]] Io<> allocate(std::uint64_t octets) override;

  [[nodiscard]] Io<> truncate(std::uint64_t octets) override {
    return checked(uninterrupted([&] { return ::ftruncate(fd(), static_cast<off_t>(octets)); }));
  }

  [[nodiscard]] Now<> write(std::uint64_t at, std::span<const std::string_view> pieces,
                            Completion<>& /*done*/) override {
    return write_all(at, pieces);
  }

  [[nodiscard]] Now<> sync(Completion<>& /*done*/) override {
    return checked(uninterrupted([&] { return ::fdatasync(fd()); }));
  }

  void start_writing_out(std::uint64_t at, std::uint64_t octets) override {
    (void)::sync_file_range(fd(), static_cast<off64_t>(at), static_cast<off64_t>(octets),
                            SYNC_FILE_RANGE_WRITE);
  }

  /// Of the file system that the file is on; nothing if syncfs() there does not mean what
  /// fdatasync() of every file does.
  [[nodiscard]] std::optional<dev_t> device_for_syncfs() const;
  [[nodiscard]] Io<> sync_file_system() {
    return checked(uninterrupted([&] { return ::syncfs(fd()); }));
  }

  [[nodiscard]] Io<bool> try_lock() override;

  [[nodiscard]] Io<bool> is_at(const std::string& path) override {
    struct stat there{};
    if (::stat(path.c_str(), &there) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return false;
      return system_failure();
    }
    const Io<struct stat> own = status_of(fd());
    if (!own) return std::unexpected(own.error());
    return own->st_dev == there.st_dev && own->st_ino == there.st_ino;
  }

 private:
  [[nodiscard]] int fd() const { return file_.get(); }
  [[nodiscard]] Io<> write_all(std::uint64_t at, std::span<const std::string_view> pieces);

  Descriptor file_;
  bool appends_;
};

Io<> RealFile::write_all(std::uint64_t at, std::span<const std::string_view> pieces) {
  for (Remainder remainder(pieces); !remainder.empty();) {
    std::array<iovec, pieces_at_once_max> parts;
    const int count = remainder.gather(parts);
    const ssize_t result = uninterrupted([&] {
      return appends_ ? ::writev(fd(), parts.data(), count)
                      : ::pwritev(fd(), parts.data(), count, static_cast<off_t>(at));
    });
    if (result < 0) return system_failure();
    // Nothing written and no error: the device has no more room, and would say so forever.
    if (result == 0) return base::io_error(IoErrorCode::no_space, ENOSPC);
    remainder.skip(static_cast<std::size_t>(result));
    at += static_cast<std::uint64_t>(result);
  }
  return {};
}

Io<> RealFile::allocate(std::uint64_t octets) {
  if (octets == 0) return {};
  const int result =
      uninterrupted([&] { return ::fallocate(fd(), 0, 0, static_cast<off_t>(octets)); });
  if (result == 0) return {};
  if (errno != EOPNOTSUPP) return system_failure();
  // This file system promises no room, so we take it. Holes below the end stay holes.
  Io<std::uint64_t> end = size();
  if (!end) return std::unexpected(end.error());
  const std::string zeros(256 * 1'024, '\0');
  for (std::uint64_t at = *end; at < octets;) {
    const std::string_view piece =
        std::string_view(zeros).substr(0, std::min<std::uint64_t>(zeros.size(), octets - at));
    if (const Io<> written = write_all(at, {&piece, 1}); !written) return written;
    at += piece.size();
  }
  return {};
}

/// On these a syncfs() writes everything out, waits for it, and empties the disk's cache. Of others
/// (FUSE, network file systems) we do not know.
std::optional<dev_t> RealFile::device_for_syncfs() const {
  struct statfs file_system{};
  constexpr std::array<decltype(file_system.f_type), 4> known{EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,
                                                              BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC};
  if (::fstatfs(fd(), &file_system) != 0) return std::nullopt;
  if (std::ranges::find(known, file_system.f_type) == known.end()) return std::nullopt;
  const Io<struct stat> status = status_of(fd());
  if (!status) return std::nullopt;
  return status->st_dev;
}

/// Since Linux 5.8 syncfs() reports what could not be written since the file was opened.
bool syncfs_tells_errors() {
  struct utsname system{};
  if (::uname(&system) != 0) return false;
  char* rest = system.release;
  const long major = std::strtol(rest, &rest, 10);
  const long minor = *rest == '.' ? std::strtol(rest + 1, nullptr, 10) : 0;
  return major > 5 || (major == 5 && minor >= 8);
}

Io<bool> RealFile::try_lock() {
  if (uninterrupted([&] { return ::flock(fd(), LOCK_EX | LOCK_NB); }) != 0) {
    if (errno == EWOULDBLOCK) return false;
    return system_failure();
  }
  const int flags = ::fcntl(fd(), F_GETFL);
  if (flags < 0) return system_failure();
  if ((flags & O_ACCMODE) == O_RDONLY) return true;
  // Of the open file, as flock(): a traditional one would go with any descriptor of the file that
  // this process closes.
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (uninterrupted([&] { return ::fcntl(fd(), F_OFD_SETLK, &whole); }) == 0) return true;
  const bool held = errno == EAGAIN || errno == EACCES;
  const auto failure = system_failure();
  (void)::flock(fd(), LOCK_UN);
  if (held) return false;
  return failure;
}

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::read: return O_RDONLY;
    case OpenMode::read_write: return O_RDWR;
    case OpenMode::create: return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::append: return O_RDWR | O_CREAT | O_APPEND;
  }
  return O_RDONLY;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

bool is_directory(DIR& directory, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat status{};
  return ::fstatat(::dirfd(&directory), entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(status.st_mode);
}

class RealDisk final : public Disk {
 public:
  explicit RealDisk(DiskOptions options) : options_(std::move(options)) {}

  [[nodiscard]] Io<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    const int flags =
        flags_of(mode) | O_CLOEXEC | (options_.regular_files_only ? O_NONBLOCK | O_NOCTTY : 0);
    Descriptor file(uninterrupted([&] { return ::open(path.c_str(), flags, 0600); }));
    // A log that we may only write to.
    if (!file && errno == EACCES && mode == OpenMode::append) {
      const int write_only = (flags & ~O_ACCMODE) | O_WRONLY;
      file = Descriptor(uninterrupted([&] { return ::open(path.c_str(), write_only, 0600); }));
    }
    if (!file && errno == EACCES && mode == OpenMode::read && options_.open_denied) {
      Io<Descriptor> opened = options_.open_denied(path);
      if (!opened) return std::unexpected(opened.error());
      file = std::move(*opened);
    }
    if (!file) return system_failure();
    // Reading a folder as a file would fail later, and less clearly.
    const Io<struct stat> status = status_of(file.get());
    if (!status) return std::unexpected(status.error());
    if (S_ISDIR(status->st_mode)) return base::io_error(IoErrorCode::failed, EISDIR);
    if (options_.regular_files_only && !S_ISREG(status->st_mode)) {
      return base::io_error(IoErrorCode::denied, EPERM);
    }
    return std::make_unique<RealFile>(std::move(file), mode == OpenMode::append);
  }

  [[nodiscard]] Io<> rename(const std::string& from, const std::string& to) override {
    return checked(::rename(from.c_str(), to.c_str()));
  }

  [[nodiscard]] Io<> unlink(const std::string& path) override {
    return checked(::unlink(path.c_str()));
  }

  [[nodiscard]] Io<> make_directory(const std::string& path) override {
    return checked(::mkdir(path.c_str(), 0700));
  }

  [[nodiscard]] Io<> open_directory_to_all(const std::string& path, bool list) override {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return system_failure();
    const mode_t mode = (status.st_mode & 07777) | (list ? 0055 : 0011);
    if (mode == (status.st_mode & 07777)) return {};
    return checked(::chmod(path.c_str(), mode));
  }

  [[nodiscard]] Io<std::vector<DirectoryEntry>> list(const std::string& path) override {
    const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
    if (!directory) return system_failure();
    std::vector<DirectoryEntry> entries;
    for (;;) {
      errno = 0;
      const dirent* const entry = ::readdir(directory.get());
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      entries.push_back({std::string(name), is_directory(*directory, *entry)});
    }
    if (errno != 0) return system_failure();
    std::ranges::sort(entries, {}, &DirectoryEntry::name);
    return entries;
  }

  [[nodiscard]] Io<bool> exists(const std::string& path) override {
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return system_failure();
  }

  [[nodiscard]] Now<> sync_directory(const std::string& path, Completion<>& /*done*/) override {
    const Descriptor directory(
        uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (!directory) return Io<>(system_failure());
    return checked(uninterrupted([&] { return ::fsync(directory.get()); }));
  }

  [[nodiscard]] std::optional<Io<>> sync_together(std::span<File* const> files) override {
    if (files.size() < sync_together_min || !syncfs_tells_errors_) return std::nullopt;
    std::optional<dev_t> device;
    for (File* const file : files) {
      const auto of_file = static_cast<const RealFile*>(file)->device_for_syncfs();
      if (!of_file || *of_file != device.value_or(*of_file)) return std::nullopt;
      device = of_file;
    }
    return static_cast<RealFile*>(files.front())->sync_file_system();
  }

 private:
  /// Fewer files are synced one by one: what others have in the file system need not be written.
  static constexpr std::size_t sync_together_min = 8;
  const DiskOptions options_;
  const bool syncfs_tells_errors_ = syncfs_tells_errors();
};

}  // namespace

std::unique_ptr<Disk> make_disk(DiskOptions options) {
  return std::make_unique<RealDisk>(std::move(options));
}

}  // namespace sys::real
