#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace admin {

/// What a recipient that is owed waits for. Everything that makes mail wait has a value here, and
/// its words in waiting.cc, and nowhere else.
enum class WaitsFor : std::uint8_t {
  turn,         ///< It is due: being attempted, or others of its next hop come first.
  retry,        ///< The time of its next attempt, after one that was deferred.
  next_hop,     ///< That its next hop can be reached: the time of the next probe.
  rate,         ///< A limit of messages in a time.
  etrn,         ///< That the host of its domain asks for its mail [RFC1985].
  an_operator,  ///< That it is released.
};

struct Waiting {
  WaitsFor what = WaitsFor::turn;
  /// rate: whose limit and which, "next hop smtp://a.test:25, 100 in 1 h"; etrn: the domain; else
  /// empty.
  std::string subject = {};

  friend bool operator==(const Waiting&, const Waiting&) = default;
};

/// "turn", "retry", "next_hop", "rate", "etrn", "operator": for programs.
[[nodiscard]] std::string_view name_of(WaitsFor what);
[[nodiscard]] std::optional<WaitsFor> parse_waits_for(std::string_view name);

/// Behind "waits for": "its turn", "the host of z.test to ask for its mail (ETRN)". `next`: when
/// the next attempt is, as it shall be shown; empty: nobody knows.
[[nodiscard]] std::string words_of(const Waiting& waiting, std::string_view next);

}  // namespace admin
