#include "base/recent.h"

#include <gtest/gtest.h>

namespace base {
namespace {

TEST(recent, what_is_used_stays_however_much_passes_by) {
  Recent<int> recent(10);
  recent.get("kept") = 7;
  for (int i = 0; i < 1'000; ++i) {
    recent.get("n" + std::to_string(i)) = i;
    EXPECT_EQ(recent.get("kept"), 7) << i;
    EXPECT_LE(recent.size(), 10u);
  }
  EXPECT_EQ(recent.get("n1"), 0) << "forgotten";
}

TEST(recent, as_many_as_half_of_them_are_kept_whatever_they_are) {
  Recent<int> recent(10);
  for (int i = 1; i <= 100; ++i) recent.get(std::to_string(i)) = i;
  for (int i = 96; i <= 100; ++i) {
    ASSERT_NE(recent.find(std::to_string(i)), nullptr) << i;
    EXPECT_EQ(*recent.find(std::to_string(i)), i);
  }
  EXPECT_EQ(recent.find("1"), nullptr);
}

TEST(recent, forgets_what_it_is_told_to) {
  Recent<int> recent(2);
  recent.get("a") = 1;
  recent.get("b") = 2;
  recent.forget("a");
  recent.forget("b");
  EXPECT_EQ(recent.size(), 0u);
  EXPECT_EQ(recent.find("a"), nullptr);
  recent.get("c") = 3;
  EXPECT_EQ(*recent.find("c"), 3);
}

}  // namespace
}  // namespace base
