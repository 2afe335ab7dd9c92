#include "queue/deadlines.h"

#include <gtest/gtest.h>

#include <random>

namespace queue {
namespace {

using base::Instant;
using std::chrono::seconds;

Entry entry_of(std::uint64_t id, int expires, int warn = 0) {
  Entry out;
  out.id = {id};
  out.expires = Instant(seconds(expires));
  if (warn > 0) out.warn = Instant(seconds(warn));
  return out;
}

TEST(Deadlines, the_earliest_comes_first_and_the_older_of_two) {
  Entry a = entry_of(1, 30), b = entry_of(2, 40, 20), c = entry_of(3, 20);
  Deadlines deadlines;
  EXPECT_EQ(deadlines.first(), nullptr);
  for (Entry* entry : {&a, &b, &c}) deadlines.add(*entry);
  deadlines.add(a);
  EXPECT_EQ(deadlines.size(), 3u);
  for (Entry* entry : {&b, &c, &a}) {
    EXPECT_EQ(deadlines.first(), entry);
    deadlines.remove(*entry);
  }
  deadlines.remove(a);
  EXPECT_EQ(deadlines.first(), nullptr);
}

TEST(Deadlines, what_has_none_is_passed_over) {
  Entry never = entry_of(1, 1);
  never.expires = Instant::max();
  Deadlines deadlines;
  deadlines.add(never);
  EXPECT_EQ(deadlines.size(), 0u);
  deadlines.remove(never);
}

TEST(Deadlines, whatever_is_removed_the_order_stays) {
  std::mt19937_64 random(1);
  for (int run = 0; run < 50; ++run) {
    std::vector<Entry> entries;
    for (std::uint64_t id = 0; id < 40; ++id) {
      entries.push_back(entry_of(id, static_cast<int>(random() % 50)));
    }
    Deadlines deadlines;
    for (Entry& entry : entries) deadlines.add(entry);
    for (Entry& entry : entries) {
      if (random() % 2 == 0) deadlines.remove(entry);
    }
    auto last = Instant::min();
    while (Entry* first = deadlines.first()) {
      EXPECT_LE(last, first->deadline());
      last = first->deadline();
      deadlines.remove(*first);
    }
  }
}

}  // namespace
}  // namespace queue
