#include "base/time.h"

#include <fmt/format.h>

namespace base {
namespace {

struct Civil {
  int year;
  unsigned month, day;
  unsigned weekday;  ///< 0 is Sunday.
  long hours, minutes, seconds, milliseconds;
};

Civil civil(WallTime time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss clock(time - days);
  return {static_cast<int>(date.year()),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          std::chrono::weekday(days).c_encoding(),
          clock.hours().count(),
          clock.minutes().count(),
          clock.seconds().count(),
          clock.subseconds().count()};
}

constexpr const char* weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

std::string rfc3339(WallTime time) {
  const Civil c = civil(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", c.year, c.month, c.day, c.hours,
                     c.minutes, c.seconds, c.milliseconds);
}

std::string rfc5322_date(WallTime time) {
  const Civil c = civil(time);
  return fmt::format("{}, {} {} {} {:02}:{:02}:{:02} +0000", weekdays[c.weekday], c.day,
                     months[c.month - 1], c.year, c.hours, c.minutes, c.seconds);
}

}  // namespace base
