#pragma once

#include <cstdint>

// When the originator wants to hear of a recipient, as bits [RFC3461 4.1]. None: not given, which
// means failure and delay.
namespace grammar::notify {

inline constexpr std::uint8_t never = 1;  ///< Alone.
inline constexpr std::uint8_t success = 2;
inline constexpr std::uint8_t failure = 4;
inline constexpr std::uint8_t delay = 8;

}  // namespace grammar::notify
