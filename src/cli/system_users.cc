#include "cli/system_users.h"

#include <pwd.h>

namespace cli {

std::vector<config::SystemUser> system_users() {
  std::vector<config::SystemUser> out;
  ::setpwent();
  while (const passwd* user = ::getpwent()) out.push_back({user->pw_name, user->pw_uid});
  ::endpwent();
  return out;
}

}  // namespace cli
