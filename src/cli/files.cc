#include "cli/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/error.h"
#include "sys/linux/descriptor.h"

namespace cli {

using Text = std::expected<std::string, std::string>;

namespace {

Text fail(const std::string& path, int system_error) {
  return std::unexpected(path + ": " + base::describe(base::from_errno(system_error)));
}

}  // namespace

Text read_all(int descriptor, const std::string& name, std::size_t octets_max) {
  std::string out;
  char block[64 * 1024];
  for (;;) {
    const ssize_t octets = ::read(descriptor, block, sizeof block);
    if (octets == 0) return out;
    if (octets < 0 && errno == EINTR) continue;
    if (octets < 0) return fail(name, errno);
    out.append(block, static_cast<std::size_t>(octets));
    if (out.size() > octets_max) return std::unexpected(name + ": too large");
  }
}

Text read_file(const std::string& path, std::size_t octets_max, int* system_error) {
  const int opened = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const int error = opened < 0 ? errno : 0;
  if (system_error != nullptr) *system_error = error;
  if (opened < 0) return fail(path, error);
  const sys::real::Descriptor file(opened);
  return read_all(opened, path, octets_max);
}

}  // namespace cli
