#include "queue/concurrency.h"

#include <gtest/gtest.h>

#include <string_view>

namespace queue {
namespace {

using namespace std::chrono_literals;

constexpr base::Instant start{1'000s};
constexpr std::size_t most = 20;

/// What happens at `start`: `g` a good answer, `r` refused for now, `c` closing, `f` not reached at
/// all; digits: full, with so many connections open.
struct Row {
  std::string_view events;
  std::size_t allowed;
  base::Duration pause = 0s;
};

constexpr Row rows[] = {
    {"", 5},
    {"g", 6},
    {"gggggggggggggg", 19},
    {"ggggggggggggggg", 20},
    {"gggggggggggggggg", 20},
    // A burst is as many refusals in a row as there is room.
    {"rrrr", 5},
    {"rrrrr", 2},
    {"rrrrg", 6},
    {"rrrrgrrrrr", 6},
    {"rrrrgrrrrrr", 3},
    {"rrrrrrr", 2},
    {"rrrrrrrr", 1},
    {"rrrrrrrrrrrrrrrrrrrrrrrr", 1},
    {"rrrrrrrrrrrrrrrrrrrrrrrrg", 2},
    {"ggggggggggggggg"
     "rrrrrrrrrrrrrrrrrrr",
     20},
    {"ggggggggggggggg"
     "rrrrrrrrrrrrrrrrrrrr",
     10},
    // 421 pauses as well; what was begun before the pause is no answer to it.
    {"c", 5, 1s},
    {"cccc", 5, 1s},
    {"ccccc", 2, 1s},
    {"cg", 6, 0s},
    // Not reached: everything begins anew.
    {"f", 1},
    {"ggggggggggf", 1},
    {"cf", 1},
    {"fgg", 3},
    // No room for more than are open.
    {"3", 3},
    {"0", 1},
    {"9", 5},
    {"3ggggggggggggggggggg", 3},
    {"35", 3},
    {"53", 3},
    {"f3g", 2},
};

void happen(Concurrency& concurrency, std::string_view events, base::Instant now) {
  for (const char event : events) {
    if (event == 'g') (void)concurrency.answered(most);
    if (event == 'r') (void)concurrency.refused();
    if (event == 'c') (void)concurrency.closing(now);
    if (event == 'f') concurrency.failed();
    if (event >= '0' && event <= '9') concurrency.full(static_cast<std::size_t>(event - '0'), now);
  }
}

TEST(concurrency, follows_what_the_host_answers) {
  for (const Row& row : rows) {
    Concurrency concurrency;
    happen(concurrency, row.events, start);
    EXPECT_EQ(concurrency.allowed(most, start), row.allowed) << row.events;
    const base::Instant pause = std::max(concurrency.paused_until(), start);
    EXPECT_EQ(pause - start, row.pause) << row.events;
  }
}

TEST(concurrency, never_more_than_the_configuration_says_and_never_none) {
  Concurrency concurrency;
  EXPECT_EQ(concurrency.allowed(2, start), 2u);
  EXPECT_EQ(concurrency.allowed(1, start), 1u);
  happen(concurrency, "rrrrrrrrrrrrrrrrrrr0", start);
  EXPECT_EQ(concurrency.allowed(most, start), 1u);
  EXPECT_FALSE(concurrency.answered(1)) << "there is room for one, and no more";
}

TEST(concurrency, what_a_host_said_of_its_room_is_believed_for_a_while) {
  Concurrency concurrency;
  happen(concurrency, "ggggg3", start);
  const base::Instant end = start + Concurrency::ceiling_for;
  EXPECT_EQ(concurrency.allowed(most, end - 1ns), 3u);
  EXPECT_TRUE(concurrency.is_worth_keeping(end - 1ns));
  EXPECT_EQ(concurrency.allowed(most, end), 10u);
  EXPECT_FALSE(concurrency.is_worth_keeping(end));
  concurrency.full(7, end);
  EXPECT_EQ(concurrency.allowed(most, end), 7u) << "the old figure does not count any more";
}

TEST(concurrency, pauses_double_up_to_a_bound_and_end_with_an_answer) {
  Concurrency concurrency;
  base::Instant now = start;
  base::Duration expected = Concurrency::pause_min;
  for (int i = 0; i < 20; ++i) {
    (void)concurrency.closing(now);
    EXPECT_EQ(concurrency.paused_until() - now, expected) << i;
    now = concurrency.paused_until();
    expected = std::min(expected * 2, Concurrency::pause_max);
  }
  EXPECT_EQ(expected, Concurrency::pause_max);
  (void)concurrency.answered(most);
  EXPECT_LE(concurrency.paused_until(), now);
  (void)concurrency.closing(now);
  EXPECT_EQ(concurrency.paused_until() - now, Concurrency::pause_min);
  concurrency.hurry();
  EXPECT_LE(concurrency.paused_until(), now) << "an operator does not wait";
}

TEST(concurrency, a_host_that_is_well_is_used_to_the_full_after_few_messages) {
  Concurrency concurrency;
  int messages = 0;
  while (concurrency.allowed(most, start) < most) {
    (void)concurrency.answered(most);
    ++messages;
  }
  EXPECT_EQ(messages, 15);
}

}  // namespace
}  // namespace queue
