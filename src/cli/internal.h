#pragma once

#include <optional>
#include <string>
#include <vector>

namespace cli {

/// What this program starts itself as, and nobody else does. `words`: the command line with the
/// name of the program in front. Returns its exit status; nullopt: it is something else.
[[nodiscard]] std::optional<int> run_internal(const std::vector<std::string>& words);

/// The worker of a broker: a server without privileges.
[[nodiscard]] int run_worker();

/// Puts a message into the home that the process is in: see delivery/home_arguments.h. Returns one
/// of <sysexits.h>; what is wrong stands on stderr, in words for the originator.
[[nodiscard]] int deliver_into_home(const std::vector<std::string>& arguments);

}  // namespace cli
