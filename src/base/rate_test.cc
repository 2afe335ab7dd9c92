#include "base/rate.h"

#include <gtest/gtest.h>

#include <vector>

namespace base {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{1'000'000s};

/// How many may come at once.
int take_all(Bucket& bucket, const Rate& rate, Instant now) {
  int out = 0;
  while (out < 1'000 && bucket.take(rate, now)) ++out;
  return out;
}

TEST(rate, so_many_at_once_and_then_one_in_each_interval) {
  const Rate rate{.count = 4, .per = 60s};
  Bucket bucket;
  EXPECT_EQ(take_all(bucket, rate, start), 4);
  EXPECT_EQ(bucket.next(rate, start), start + 15s);
  EXPECT_EQ(take_all(bucket, rate, start + 15s - 1ns), 0);
  EXPECT_EQ(take_all(bucket, rate, start + 15s), 1);
  EXPECT_EQ(take_all(bucket, rate, start + 45s), 2);
  EXPECT_FALSE(bucket.is_full(start + 104s));
  EXPECT_TRUE(bucket.is_full(start + 105s));
  EXPECT_EQ(take_all(bucket, rate, start + 500s), 4) << "it never holds more";
}

TEST(rate, without_a_limit_nobody_waits) {
  Bucket bucket;
  EXPECT_EQ(take_all(bucket, {}, start), 1'000);
  EXPECT_EQ(bucket.next({}, start), start);
  EXPECT_TRUE(bucket.is_full(start));
}

TEST(rate, one_in_a_time) {
  const Rate rate{.count = 1, .per = 10s};
  Bucket bucket;
  EXPECT_EQ(take_all(bucket, rate, start), 1);
  EXPECT_EQ(bucket.next(rate, start), start + 10s);
  EXPECT_EQ(take_all(bucket, rate, start + 10s), 1);
}

TEST(rate, another_rate_is_in_force_at_once) {
  const Rate slow{.count = 2, .per = 24h};
  const Rate fast{.count = 60, .per = 60s};
  Bucket bucket;
  EXPECT_EQ(take_all(bucket, slow, start), 2);
  EXPECT_EQ(bucket.next(slow, start), start + 12h);
  EXPECT_LE(bucket.next(fast, start), start + 1s) << "old debts are not paid at a new rate";
  EXPECT_EQ(take_all(bucket, fast, start + 1s), 1);
  EXPECT_EQ(take_all(bucket, fast, start + 11s), 10);
  EXPECT_EQ(take_all(bucket, {}, start), 1'000);
}

TEST(rate, more_than_one_in_a_nanosecond_is_no_limit_that_divides_by_zero) {
  const Rate rate{.count = 4'000'000'000u, .per = 1s};
  Bucket bucket;
  EXPECT_TRUE(bucket.take(rate, start));
  EXPECT_EQ(bucket.next(rate, start), start);
}

}  // namespace
}  // namespace base
