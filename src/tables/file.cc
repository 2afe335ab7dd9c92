#include "tables/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <utility>

#include "base/error.h"

namespace tables {

std::unexpected<std::string> File::failure(int system_error) const {
  return std::unexpected(path_ + ": " + base::describe(base::from_errno(system_error)));
}

std::expected<File, std::string> File::open(const std::string& path) {
  // A pipe without a writer must not stop us here.
  File out(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), path);
  if (out.descriptor_ < 0) return out.failure(errno);
  struct stat status{};
  if (::fstat(out.descriptor_, &status) != 0) return out.failure(errno);
  if (!S_ISREG(status.st_mode)) return std::unexpected(path + ": expected a regular file");
  out.size_ = static_cast<std::size_t>(status.st_size);
  out.mode_ = status.st_mode;
  return out;
}

File::File(File&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      size_(other.size_),
      mode_(other.mode_) {}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool File::is_open_to_all() const { return (mode_ & S_IWOTH) != 0; }

std::string File::real_path() const {
  char target[PATH_MAX];
  const std::string link = fmt::format("/proc/self/fd/{}", descriptor_);
  const ssize_t octets = ::readlink(link.c_str(), target, sizeof target);
  if (octets <= 0 || octets == static_cast<ssize_t>(sizeof target)) return {};
  return {target, static_cast<std::size_t>(octets)};
}

std::expected<std::string, std::string> File::read(std::size_t octets_max) const {
  std::string out;
  char block[64 * 1024];
  for (;;) {
    const ssize_t octets = ::read(descriptor_, block, sizeof block);
    if (octets == 0) return out;
    if (octets < 0 && errno == EINTR) continue;
    if (octets < 0) return failure(errno);
    out.append(block, static_cast<std::size_t>(octets));
    if (out.size() > octets_max) {
      return std::unexpected(fmt::format("{}: larger than {} octets", path_, octets_max));
    }
  }
}

}  // namespace tables
