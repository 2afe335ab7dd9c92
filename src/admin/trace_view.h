#pragma once

#include <span>
#include <string>
#include <vector>

namespace boost::json {
class object;
}

namespace admin {

/// What is known of one message.
struct TraceInput {
  /// Recorded events, JSON objects, in order. What is no JSON is left out.
  std::span<const std::string> events;
  /// What was recorded of the next hops of hops_of(), in order for each.
  std::span<const std::string> hop_records = {};
  /// What `queue show` says of it while it is in the queue; else nullptr.
  const boost::json::object* queued = nullptr;
};

/// The keys of the next hops that the recipients were waiting for; at most hops_max.
[[nodiscard]] std::vector<std::string> hops_of(const TraceInput& input);
inline constexpr std::size_t hops_max = 1'000;

/// The whole life of one message. Failures to reach a next hop are attempts of each recipient that
/// waited for it then. Nothing known: an empty object.
///
///     {"id", "from", "size", "received", "client", "auth", "tls",
///      "about": id of the message of which this one is a report, or null,
///      "recipients": [{"to", "state", "via", "next_attempt", "waits_for",
///                      "waits", "waits_subject": as `queue show` has them, if it does,
///                      "attempts": [{"time", "host", "address", "tls", "reply", "outcome"}],
///                      "attempts_left_out": how many more there were,
///                      "decisions": [{"time", "via", "steps": [{"what", "why"}]}],
///                      "found": {"time", "via", "hosts", "steps"} or null: where "via" leads,
///                      "actions": [{"time", "action", "via"}] of operators,
///                      "dsn": [ids of reports]}],
///      "events": […]}
[[nodiscard]] boost::json::object describe_trace(const TraceInput& input);

/// Of attempts in which the next hop could not be reached: for one recipient, and for all of them.
inline constexpr std::size_t probes_max = 256;
inline constexpr std::size_t all_probes_max = 20'000;

}  // namespace admin
