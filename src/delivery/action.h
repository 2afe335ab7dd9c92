#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/id.h"

namespace delivery {

/// What an operator does to recipients that are still owed.
enum class QueueAction : std::uint8_t {
  retry,    ///< Try now, whatever the back-off.
  hold,     ///< Do not try, until released.
  release,  ///< Held ones are due again, at once.
  bounce,   ///< Report to the originator that it failed; nothing more is tried.
  drop,     ///< Nothing more is tried, and nobody is told.
  reroute,  ///< Go by a fixed next hop from now on, beginning at once. What is held stays held.
};

/// Recipients of one message, as indexes into its envelope, ascending.
struct Choice {
  base::MessageId id;
  std::vector<std::uint32_t> recipients;
};

}  // namespace delivery
