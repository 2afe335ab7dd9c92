#include "cli/data_owner.h"

#include <grp.h>
#include <pwd.h>
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

std::expected<void, std::string> make_for_owner(const std::string& data_dir,
                                                const std::string& user) {
  const auto fail = [&data_dir](const std::string& why) {
    return std::unexpected(data_dir + ": " + why);
  };
  const auto system_failure = [&fail] { return fail(base::describe(base::from_errno(errno))); };
  const passwd* const owner = ::getpwnam(user.c_str());
  if (owner == nullptr) return fail("there is no user " + user);
  struct stat status{};
  if (::stat(data_dir.c_str(), &status) == 0) {
    if (status.st_uid == owner->pw_uid) return {};
    return fail("belongs to another user than " + user + ": chown -R " + user + " " + data_dir);
  }
  if (errno != ENOENT) return system_failure();
  for (std::size_t slash = data_dir.find('/', 1); slash != data_dir.npos;
       slash = data_dir.find('/', slash + 1)) {
    const std::string above = data_dir.substr(0, slash);
    if (::mkdir(above.c_str(), 0755) == 0) {
      (void)::chmod(above.c_str(), 0755);  // Whatever our umask is: its user must get through.
    } else if (errno != EEXIST) {
      return system_failure();
    }
  }
  if (::mkdir(data_dir.c_str(), 0700) != 0) return system_failure();
  if (::lchown(data_dir.c_str(), owner->pw_uid, owner->pw_gid) != 0) return system_failure();
  return {};
}

}  // namespace cli
