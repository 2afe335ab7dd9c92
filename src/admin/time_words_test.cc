#include "admin/time_words.h"

#include <gtest/gtest.h>

namespace admin {
namespace {

using namespace std::chrono_literals;

base::WallTime time(std::string_view text) {
  const auto out = parse_rfc3339(text);
  EXPECT_TRUE(out) << text;
  return out.value_or(base::WallTime{});
}

TEST(time_words, rfc3339_is_read_as_it_is_printed_and_nothing_else_is) {
  for (const std::string_view good :
       {"2026-11-25T03:28:30.123Z", "1970-01-01T00:00:00.000Z", "2024-02-29T23:59:59.999Z"}) {
    EXPECT_EQ(base::rfc3339(time(good)), good);
  }
  for (const std::string_view bad :
       {"", "2026-11-25", "2026-11-25T03:28:30Z", "2026-11-25T03:28:30.123",
        "2026-13-25T03:28:30.123Z", "2023-02-29T03:28:30.123Z", "2026-11-25T24:28:30.123Z",
        "2026-11-25T03:60:30.123Z", "2026-11-25 03:28:30.123Z", "2026-11-2xT03:28:30.123Z",
        "-026-11-25T03:28:30.123Z", "2026-11-25T03:28:30.123Z "}) {
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
  }
}

TEST(time_words, durations_are_as_near_as_somebody_wants_to_know) {
  const struct {
    base::Duration duration;
    std::string_view words;
  } rows[] = {
      {0s, "0 s"},         {400ms, "0 s"},   {35s, "35 s"},   {60s, "1 min"}, {90s, "90 s"},
      {119s, "119 s"},     {120s, "2 min"},  {150s, "3 min"}, {1h, "1 h"},    {90min, "90 min"},
      {119min, "119 min"}, {4h, "4 h"},      {24h, "1 day"},  {36h, "36 h"},  {47h, "47 h"},
      {48h, "2 days"},     {120h, "5 days"},
  };
  for (const auto& row : rows) EXPECT_EQ(duration_words(row.duration), row.words);
}

TEST(time_words, times_are_said_from_where_somebody_stands) {
  const base::WallTime now = time("2026-11-25T10:27:00.000Z");  // A Wednesday.
  const TimeWords here(now, [](base::WallTime) { return 3600s; });
  const TimeWords utc(now);
  const struct {
    std::string_view time, at, plain, clock, distance;
  } rows[] = {
      {"2026-11-25T10:31:07.000Z", "at 11:31:07", "11:31:07", "11:31:07", "in 4 min"},
      {"2026-11-25T10:26:25.000Z", "at 11:26:25", "11:26:25", "11:26:25", "35 s ago"},
      // It is tomorrow there, and today in Greenwich.
      {"2026-11-25T23:30:00.000Z", "on Thursday 00:30", "Thursday 00:30", "2026-11-26 00:30:00",
       "in 13 h"},
      {"2026-11-30T09:02:00.000Z", "on Monday 10:02", "Monday 10:02", "2026-11-30 10:02:00",
       "in 5 days"},
      {"2026-11-19T09:02:00.000Z", "on Thursday 10:02", "Thursday 10:02", "2026-11-19 10:02:00",
       "6 days ago"},
      {"2026-12-02T09:02:00.000Z", "on 2026-12-02 10:02", "2026-12-02 10:02", "2026-12-02 10:02:00",
       "in 7 days"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(here.at(time(row.time)), row.at);
    EXPECT_EQ(here.plain(time(row.time)), row.plain);
    EXPECT_EQ(here.clock(time(row.time)), row.clock);
    EXPECT_EQ(here.distance(time(row.time)), row.distance);
  }
  EXPECT_EQ(utc.at(time("2026-11-25T10:31:07.000Z")), "at 10:31:07 UTC");
  EXPECT_EQ(utc.at(time("2026-11-30T09:02:00.000Z")), "on Monday 09:02 UTC");
}

}  // namespace
}  // namespace admin
