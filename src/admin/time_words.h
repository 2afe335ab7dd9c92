#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace admin {

/// As rfc3339() prints it. Nullopt: it is none.
[[nodiscard]] std::optional<base::WallTime> parse_rfc3339(std::string_view text);

/// "35 s", "4 min", "2 h", "3 days", as near as somebody wants to know it.
[[nodiscard]] std::string duration_words(base::Duration duration);

/// Times as people say them, from where they stand.
class TimeWords {
 public:
  /// How far the clocks of that place are before UTC, at a time.
  using Offset = std::function<std::chrono::seconds(base::WallTime)>;

  /// Without `offset`: UTC, and each time says so.
  explicit TimeWords(base::WallTime now, Offset offset = {})
      : now_(now), offset_(std::move(offset)) {}

  [[nodiscard]] base::WallTime now() const { return now_; }
  /// "10:31:07" today, "2026-11-25 10:31:07" on other days.
  [[nodiscard]] std::string clock(base::WallTime time) const;
  /// "at 10:31:07" today, "on Monday 10:31" within six days, "on 2026-11-25 10:31" else.
  [[nodiscard]] std::string at(base::WallTime time) const { return time_words(time, "at ", "on "); }
  /// The same behind "since", "until", "next try".
  [[nodiscard]] std::string plain(base::WallTime time) const { return time_words(time, "", ""); }
  /// "in 4 min", "35 s ago".
  [[nodiscard]] std::string distance(base::WallTime time) const;

 private:
  [[nodiscard]] base::WallTime local(base::WallTime time) const {
    return offset_ ? time + offset_(time) : time;
  }
  [[nodiscard]] std::string time_words(base::WallTime time, std::string_view today,
                                       std::string_view other_day) const;

  base::WallTime now_;
  Offset offset_;
};

}  // namespace admin
