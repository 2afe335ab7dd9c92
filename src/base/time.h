#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace base {

using Duration = std::chrono::nanoseconds;

/// A point on the monotonic clock of one run: for deadlines and waiting, never stored.
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// Civil time, UTC: what is stored, logged and written into header fields.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

/// `2026-11-25T03:28:30.123Z` [RFC3339 5.6].
[[nodiscard]] std::string rfc3339(WallTime time);

/// `Wed, 25 Nov 2026 03:28:30 +0000` [RFC5322 3.3].
[[nodiscard]] std::string rfc5322_date(WallTime time);

}  // namespace base
