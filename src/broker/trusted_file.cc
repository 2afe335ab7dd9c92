#include "broker/trusted_file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

namespace broker {

using base::Io;
using sys::real::Descriptor;
using sys::real::system_failure;

namespace {

constexpr int links_max = 40;  // As the kernel has it [path_resolution(7)].

std::unexpected<base::IoError> not_safe() { return std::unexpected(base::from_errno(EPERM)); }

Io<struct stat> status_of(const Descriptor& file) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return system_failure();
  return status;
}

Io<std::string> target_of(const Descriptor& link) {
  std::array<char, PATH_MAX> target;
  const ssize_t octets = ::readlinkat(link.get(), "", target.data(), target.size());
  if (octets < 0) return system_failure();
  if (static_cast<std::size_t>(octets) == target.size()) return not_safe();
  return std::string(target.data(), static_cast<std::size_t>(octets));
}

/// A way through the file system, one name after the other.
class Walk {
 public:
  /// The folder that `path` ends in, and the name in it, which is no symbolic link unless
  /// `follow_last` is false.
  [[nodiscard]] Io<> to(std::string path, bool follow_last);

  [[nodiscard]] const Descriptor& folder() const { return folder_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  [[nodiscard]] Io<> begin();
  [[nodiscard]] Io<> step(bool follow);
  /// Whether others than root can change what the names in it mean. `entry_uid`: the owner of what
  /// one of them is.
  [[nodiscard]] static bool is_safe(const struct stat& folder, uid_t entry_uid);

  Descriptor folder_;
  std::string rest_;  ///< Relative to the folder.
  std::string name_;
  int links_ = 0;
};

bool Walk::is_safe(const struct stat& folder, uid_t entry_uid) {
  if (folder.st_uid != 0) return false;
  if ((folder.st_mode & (S_IWGRP | S_IWOTH)) == 0) return true;
  return (folder.st_mode & S_ISVTX) != 0 && entry_uid == 0;
}

Io<> Walk::begin() {
  rest_.erase(0, rest_.find_first_not_of('/'));
  folder_ = Descriptor(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder_) return system_failure();
  return {};
}

Io<> Walk::to(std::string path, bool follow_last) {
  if (!path.starts_with('/')) return not_safe();
  rest_ = std::move(path);
  if (const Io<> begun = begin(); !begun) return begun;
  for (;;) {
    const std::size_t slash = rest_.find('/');
    name_ = rest_.substr(0, slash);
    rest_.erase(0, slash == rest_.npos ? slash : rest_.find_first_not_of('/', slash));
    if (slash == name_.npos) rest_.clear();
    const bool is_last = rest_.empty();
    if (name_.empty() || name_ == "..") return not_safe();
    if (name_ == "." && !is_last) continue;
    if (is_last && !follow_last) return {};
    if (const Io<> went = step(is_last); !went) return went;
    if (is_last && rest_.empty()) return {};
  }
}

/// Into the folder `name_`, or to what a link of this name leads to. The last name stays where it
/// is unless it is a link.
Io<> Walk::step(bool is_last) {
  const Descriptor entry(::openat(folder_.get(), name_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!entry) return system_failure();
  const Io<struct stat> status = status_of(entry);
  if (!status) return std::unexpected(status.error());
  const Io<struct stat> around = status_of(folder_);
  if (!around) return std::unexpected(around.error());
  if (!is_safe(*around, status->st_uid)) return not_safe();
  if (S_ISLNK(status->st_mode)) {
    if (++links_ > links_max) return std::unexpected(base::from_errno(ELOOP));
    Io<std::string> target = target_of(entry);
    if (!target) return std::unexpected(target.error());
    const bool from_root = target->starts_with('/');
    rest_ = rest_.empty() ? *target : *target + '/' + rest_;
    return from_root ? begin() : Io<>{};
  }
  if (is_last) return {};
  Descriptor next(
      ::openat(folder_.get(), name_.c_str(), O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC));
  if (!next) return system_failure();
  folder_ = std::move(next);
  return {};
}

Io<> is_safe_file(const Descriptor& file) {
  const Io<struct stat> status = status_of(file);
  if (!status) return std::unexpected(status.error());
  if (!S_ISREG(status->st_mode)) return not_safe();
  return {};
}

}  // namespace

Io<Descriptor> open_trusted(const std::string& path, int flags) {
  Walk walk;
  if (const Io<> went = walk.to(path, true); !went) return std::unexpected(went.error());
  Descriptor file(::openat(walk.folder().get(), walk.name().c_str(),
                           flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file) return system_failure();
  if (const Io<> safe = is_safe_file(file); !safe) return std::unexpected(safe.error());
  return file;
}

Io<Descriptor> open_trusted_log(const std::string& path, const LogOwner& owner) {
  Walk walk;
  if (const Io<> went = walk.to(path, false); !went) return std::unexpected(went.error());
  const Io<struct stat> folder = status_of(walk.folder());
  if (!folder) return std::unexpected(folder.error());
  // Also of a sticky one: there somebody else could put a link to what is not theirs.
  if (folder->st_uid != 0 || (folder->st_mode & (S_IWGRP | S_IWOTH)) != 0) return not_safe();
  constexpr int how = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  const int at = walk.folder().get();
  const char* const name = walk.name().c_str();
  Descriptor file(::openat(at, name, how | O_CREAT | O_EXCL, 0640));
  if (file) {
    // The umask may be stricter, and the owner need not ask again.
    if (::fchmod(file.get(), 0640) != 0 || ::fchown(file.get(), owner.uid, owner.gid) != 0) {
      return system_failure();
    }
    return file;
  }
  if (errno != EEXIST) return system_failure();
  file = Descriptor(::openat(at, name, how));
  if (!file) return system_failure();
  const Io<struct stat> status = status_of(file);
  if (!status) return std::unexpected(status.error());
  if (!S_ISREG(status->st_mode) || status->st_nlink != 1) return not_safe();
  return file;
}

}  // namespace broker
