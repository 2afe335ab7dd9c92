#pragma once

#include <cstdint>
#include <string_view>

namespace dsn {

/// What became of one recipient. These are the event names of the log; the
/// notification says it in the words of its Action field [RFC3464 2.3.3].
enum class Outcome : std::uint8_t {
  delivered,  ///< "delivered", or "relayed" when another MTA has taken it on.
  deferred,   ///< "delayed": 4yz, connection lost, DNS failed. We try again.
  bounced,    ///< "failed": 5yz. Final.
  expired,    ///< "failed": deferred until the queue's patience ended. Final.
};

/// The name of the log event.
[[nodiscard]] constexpr std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::delivered: return "delivered";
    case Outcome::deferred: return "deferred";
    case Outcome::bounced: return "bounced";
    case Outcome::expired: return "expired";
  }
  return "";
}

}  // namespace dsn
