#pragma once

#include <span>
#include <string>

namespace boost::json {
class object;
}

namespace admin {

/// The whole life of one message, from its recorded events (JSON objects, in order) and, while it
/// is in the queue, from what `queue show` says of it (else nullptr). Events that are no JSON are
/// left out. Without any event nor queue object: an empty object.
///
///     {"id", "from", "size", "received",
///      "recipients": [{"to", "state", "next_attempt", "waits_for",
///                      "attempts": [{"time", "host", "address", "tls", "reply", "outcome"}]}],
///      "events": […]}
[[nodiscard]] boost::json::object describe_trace(std::span<const std::string> events,
                                                 const boost::json::object* queued);

}  // namespace admin
