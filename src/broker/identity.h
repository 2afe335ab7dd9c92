#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

// System users, and becoming one of them.
namespace broker {

struct Identity {
  std::string name;
  std::string home;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  ///< Its own among them.
};

/// Asks the machine's user database, which may take long. Nullopt: there is none.
[[nodiscard]] std::optional<Identity> find_identity(const std::string& name);

/// For good: groups, ids, no capabilities, and none to be had by running a program that has them.
/// The process dies with its parent, which has this number. False with errno set; then the process
/// must end. For a process of one thread. Never root.
[[nodiscard]] bool become(const Identity& identity, pid_t parent);

}  // namespace broker
