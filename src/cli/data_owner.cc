#include "cli/data_owner.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"

namespace cli {

std::expected<void, std::string> become_owner_of(const std::string& data_dir) {
  struct stat status{};
  if (::geteuid() != 0 || ::stat(data_dir.c_str(), &status) != 0 || status.st_uid == 0) return {};
  const bool done =
      ::setgroups(0, nullptr) == 0 && ::setgid(status.st_gid) == 0 && ::setuid(status.st_uid) == 0;
  if (done) return {};
  return std::unexpected(data_dir +
                         ": cannot become its owner: " + base::describe(base::from_errno(errno)));
}

}  // namespace cli
