#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "grammar/path.h"

// Source routes, hop by hop [RFC821 3.6]: what a host makes of a path on its way.
namespace grammar {

/// In octets, with the angle brackets. No host needs to take a longer path [RFC5321 4.5.3.1.3], so
/// we build none.
inline constexpr std::size_t built_path_octets_max = 256;

/// Whether a name, in whatever spelling, is one of this host's.
using IsOurs = std::function<bool(const Domain&)>;

/// What a host does with the route of a forward-path that it is given [RFC5321 3.6.1].
struct Onward {
  /// What is left of the route when this host has taken itself off its front; the first name is the
  /// next host. Empty: the rest is the mailbox alone.
  std::vector<Domain> route;
  /// A name stands in the route twice, in whatever spelling, or this host again behind its front:
  /// the message would come round.
  bool loops = false;
  /// The name that stands twice, if so.
  Domain twice = {};
};
[[nodiscard]] Onward take_off(const std::vector<Domain>& route, const IsOurs& is_ours);

/// The way back from this host, which may be a station on it: what stands up to its own last name
/// leads here, and is left out.
[[nodiscard]] std::vector<Domain> way_back(const std::vector<Domain>& route, const IsOurs& is_ours);

/// The reverse-path with this host in front, for a message that goes on from here by a route
/// [RFC821 3.6]. `<>` stays `<>`. If the path would be longer than built_path_octets_max its route
/// is left out: a report then goes by the DNS, which always leads to the originator, while part of
/// a route need not.
[[nodiscard]] ReversePath put_in_front(const Domain& host, const ReversePath& path,
                                       const IsOurs& is_ours);

}  // namespace grammar
