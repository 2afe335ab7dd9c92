#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"

namespace config {

/// More than anybody means; longer durations read as this one.
inline constexpr base::Duration duration_max = std::chrono::days(36'500);

/// `30s`, `15m`, `4h`, `5d`: a whole number and one unit.
[[nodiscard]] std::optional<base::Duration> parse_duration(std::string_view text);
/// In the largest unit that leaves a whole number. Whole seconds only.
[[nodiscard]] std::string print_duration(base::Duration duration);

/// `1B`, `64KiB`, `50MiB`, `4GiB`, `1TiB`, in octets. What 64 bits cannot hold is the largest
/// number.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);
[[nodiscard]] std::string print_size(std::uint64_t octets);

/// The name among `known` that `text` was probably meant to be: at most two octets are wrong,
/// missing or too many, and not all of them. Empty: none.
[[nodiscard]] std::string_view closest(std::string_view text,
                                       std::span<const std::string_view> known);

}  // namespace config
