#include "broker/identity.h"

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

namespace broker {
namespace {

/// More groups than that nobody has.
constexpr int groups_max = 65'536;

bool drop_bounding_set() {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return false;
  }
  return true;
}

}  // namespace

std::optional<Identity> find_identity(const std::string& name) {
  const passwd* const user = ::getpwnam(name.c_str());
  if (user == nullptr) return std::nullopt;
  Identity out{.name = user->pw_name,
               .home = user->pw_dir,
               .uid = user->pw_uid,
               .gid = user->pw_gid,
               .groups = {}};
  int count = 64;
  for (;;) {
    out.groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(out.name.c_str(), out.gid, out.groups.data(), &count) >= 0) break;
    if (count > groups_max || static_cast<std::size_t>(count) <= out.groups.size()) {
      return std::nullopt;
    }
  }
  out.groups.resize(static_cast<std::size_t>(count));
  return out;
}

bool become(const Identity& identity, pid_t parent) {
  if (identity.uid == 0) {
    errno = EPERM;
    return false;
  }
  // Who is not root has no bounding set to drop, and nothing to become but itself.
  if (::geteuid() == 0) {
    if (!drop_bounding_set()) return false;
    if (::setgroups(identity.groups.size(), identity.groups.data()) != 0) return false;
    if (::setresgid(identity.gid, identity.gid, identity.gid) != 0) return false;
  }
  if (::setresuid(identity.uid, identity.uid, identity.uid) != 0) return false;
  if (::setuid(0) == 0) {  // It must not be possible any more.
    errno = EPERM;
    return false;
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  // After the change of ids, which would undo it.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return false;
  if (::getppid() != parent) {  // It was gone before.
    errno = ECHILD;
    return false;
  }
  return true;
}

}  // namespace broker
