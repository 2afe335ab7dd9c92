#include "admin/time_words.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace admin {
namespace {

using std::chrono::days;
using std::chrono::floor;

/// The digits at a place of a text.
std::optional<int> number_at(std::string_view text, std::size_t at, std::size_t digits) {
  int out = 0;
  const char* const begin = text.data() + at;
  const auto [end, error] = std::from_chars(begin, begin + digits, out);
  if (error != std::errc() || end != begin + digits || out < 0) return std::nullopt;
  return out;
}

std::string date(base::WallTime time) {
  const std::chrono::year_month_day day(floor<days>(time));
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

std::string hours(base::WallTime time, bool with_seconds) {
  const std::chrono::hh_mm_ss clock(floor<std::chrono::seconds>(time - floor<days>(time)));
  std::string out = fmt::format("{:02}:{:02}", clock.hours().count(), clock.minutes().count());
  if (with_seconds) out += fmt::format(":{:02}", clock.seconds().count());
  return out;
}

std::string_view weekday(base::WallTime time) {
  constexpr std::string_view names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};
  return names[std::chrono::weekday(floor<days>(time)).c_encoding()];
}

}  // namespace

std::optional<base::WallTime> parse_rfc3339(std::string_view text) {
  constexpr std::string_view form = "0000-00-00T00:00:00.000Z";
  if (text.size() != form.size()) return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] != '0' && form[i] != text[i]) return std::nullopt;
  }
  const auto year = number_at(text, 0, 4), month = number_at(text, 5, 2);
  const auto day = number_at(text, 8, 2), hour = number_at(text, 11, 2);
  const auto minute = number_at(text, 14, 2), second = number_at(text, 17, 2);
  const auto millisecond = number_at(text, 20, 3);
  if (!year || !month || !day || !hour || !minute || !second || !millisecond) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second) + std::chrono::milliseconds(*millisecond);
}

std::string duration_words(base::Duration duration) {
  struct Unit {
    std::int64_t seconds;
    std::string_view name;
  };
  constexpr Unit units[] = {{86'400, "days"}, {3'600, "h"}, {60, "min"}};
  const std::int64_t seconds = std::chrono::round<std::chrono::seconds>(duration).count();
  for (const Unit& unit : units) {
    // 90 min and 36 h are said as such.
    if (seconds >= 2 * unit.seconds || (seconds > 0 && seconds % unit.seconds == 0)) {
      const std::int64_t count = (seconds + unit.seconds / 2) / unit.seconds;
      return fmt::format("{} {}", count, count == 1 && unit.name == "days" ? "day" : unit.name);
    }
  }
  return fmt::format("{} s", seconds);
}

std::string TimeWords::clock(base::WallTime time) const {
  const base::WallTime there = local(time);
  const bool is_today = floor<days>(there) == floor<days>(local(now_));
  return is_today ? hours(there, true) : date(there) + ' ' + hours(there, true);
}

std::string TimeWords::time_words(base::WallTime time, std::string_view today,
                                  std::string_view other_day) const {
  const base::WallTime there = local(time);
  const auto distance = floor<days>(there) - floor<days>(local(now_));
  const std::string_view zone = offset_ ? "" : " UTC";
  if (distance == days(0)) return fmt::format("{}{}{}", today, hours(there, true), zone);
  const bool is_near = distance > days(-7) && distance < days(7);
  return fmt::format("{}{} {}{}", other_day, is_near ? std::string(weekday(there)) : date(there),
                     hours(there, false), zone);
}

std::string TimeWords::distance(base::WallTime time) const {
  return time >= now_ ? "in " + duration_words(time - now_) : duration_words(now_ - time) + " ago";
}

}  // namespace admin
