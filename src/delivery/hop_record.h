#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "queue/queue.h"

namespace delivery {

/// What is known of a next hop that cannot be reached, as it is kept over a restart.
struct HopRecord {
  std::vector<queue::HopFailure> failures;
  base::WallTime next_probe;
};
[[nodiscard]] std::string encode_hop(const HopRecord& record);
[[nodiscard]] std::optional<HopRecord> decode_hop(std::string_view blob);

}  // namespace delivery
