#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace base {

/// Names one message from its acceptance to the end of its trace. Begins with the time, so that
/// ids sort as their messages arrived.
///
/// 44 bits of milliseconds since 1970 (until 2527), then 20 bits that make it unique within them.
struct MessageId {
  std::uint64_t value = 0;

  friend auto operator<=>(const MessageId&, const MessageId&) = default;
};

inline constexpr std::size_t message_id_octets = 13;

/// 13 digits and lower-case letters that cannot be taken for each other (Crockford's base 32).
[[nodiscard]] std::string to_string(MessageId id);
[[nodiscard]] std::optional<MessageId> parse_message_id(std::string_view text);

/// The next id after `last`: at `now` when the clock has moved on, else just above `last`.
/// `salt` makes ids of different hosts and runs differ.
[[nodiscard]] MessageId next_message_id(MessageId last, WallTime now, std::uint32_t salt);

}  // namespace base

template <>
struct std::hash<base::MessageId> {
  std::size_t operator()(base::MessageId id) const noexcept {
    return static_cast<std::size_t>(id.value * 0x9e3779b97f4a7c15u);
  }
};
