#include "cli/internal.h"

#include "broker/broker.h"

namespace cli {

std::optional<int> run_internal(const std::vector<std::string>& words) {
  if (words.size() == 2 && words[1] == broker::worker_command) return run_worker();
  if (words.size() > 2 && words[1] == "into-home") {
    return deliver_into_home({words.begin() + 2, words.end()});
  }
  return std::nullopt;
}

}  // namespace cli
