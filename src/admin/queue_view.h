#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/waiting.h"
#include "base/id.h"
#include "base/time.h"
#include "spool/types.h"

namespace boost::json {
class object;
}

namespace admin {

/// What is known of a next hop that cannot be reached.
struct HopTrouble {
  std::vector<base::WallTime> failures;  ///< Ascending.
  base::WallTime next_probe;
  std::string reply;
};

/// Where a recipient goes next, and what troubles its next hop.
struct Outlook {
  std::string via;
  const HopTrouble* trouble = nullptr;
  /// What holds it up beside the time and its next hop's trouble: a limit, ETRN.
  std::optional<Waiting> waiting = {};
  base::WallTime not_before = {};  ///< What holds it up ends then.
};
/// Asked for each recipient that is still owed.
using FindOutlook =
    std::function<Outlook(const spool::LoadedMessage& message, std::uint32_t recipient)>;

/// One message, as `queue list` (owed recipients alone) or `queue show` (all) show it. Failures to
/// reach a next hop belong to the hop; here they count for each recipient that waits for it.
[[nodiscard]] boost::json::object describe(const spool::LoadedMessage& message,
                                           const FindOutlook& outlook, bool whole);

/// What is known of a quarantined message; nullptr: nothing.
[[nodiscard]] const spool::Damage* find_damage(std::span<const spool::Damage> all,
                                               base::MessageId id);

/// A message of which no more is known than that it is damaged.
[[nodiscard]] boost::json::object describe_damage(const spool::Damage& damage);

}  // namespace admin
