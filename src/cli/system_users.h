#pragma once

#include <vector>

#include "config/config.h"

namespace cli {

/// All users of the machine, as its user database lists them.
[[nodiscard]] std::vector<config::SystemUser> system_users();

}  // namespace cli
