#include "policy/rate_limits.h"

#include <gtest/gtest.h>

#include <string>

namespace policy {
namespace {

using namespace std::chrono_literals;
using What = RateLimits::What;

constexpr base::Instant start{1'000s};

base::IpAddress ip(std::string_view text) { return *base::IpAddress::parse(text); }

TEST(rate_limits, so_many_and_then_a_wait) {
  RateLimits limits({.messages_per_user = {.count = 3, .per = 30s}});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limits.count(What::messages_of_user, "alice", start));
  EXPECT_EQ(limits.count(What::messages_of_user, "alice", start), 10s);
  EXPECT_EQ(limits.wait(What::messages_of_user, "alice", start), 10s);
  EXPECT_FALSE(limits.count(What::messages_of_user, "bob", start)) << "each has his own";
  EXPECT_FALSE(limits.count(What::messages_of_user, "alice", start + 10s));
  EXPECT_EQ(limits.count(What::messages_of_user, "alice", start + 10s), 10s);
}

TEST(rate_limits, each_kind_counts_alone) {
  RateLimits limits({.messages_per_client = {.count = 1, .per = 1s},
                     .messages_per_user = {.count = 1, .per = 1min},
                     .recipients_per_user = {.count = 1, .per = 1h},
                     .etrn_per_client = {.count = 1, .per = 24h}});
  for (const What what : {What::messages_of_client, What::messages_of_user,
                          What::recipients_of_user, What::etrn_of_client}) {
    EXPECT_FALSE(limits.wait(what, "x", start));
    EXPECT_FALSE(limits.count(what, "x", start));
  }
  EXPECT_EQ(limits.count(What::messages_of_client, "x", start), 1s);
  EXPECT_EQ(limits.count(What::messages_of_user, "x", start), 1min);
  EXPECT_EQ(limits.count(What::recipients_of_user, "x", start), 1h);
  EXPECT_EQ(limits.count(What::etrn_of_client, "x", start), 24h);
}

TEST(rate_limits, without_a_limit_nobody_is_counted) {
  RateLimits limits;
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_FALSE(limits.count(What::messages_of_client, ip("192.0.2.1"), start));
  }
}

TEST(rate_limits, one_site_is_one_client) {
  RateLimits limits({.messages_per_client = {.count = 1, .per = 1min}});
  const auto counts = [&](std::string_view client) {
    return !limits.count(What::messages_of_client, ip(client), start).has_value();
  };
  EXPECT_TRUE(counts("192.0.2.1"));
  EXPECT_FALSE(counts("192.0.2.1"));
  EXPECT_TRUE(counts("192.0.2.2"));
  EXPECT_TRUE(counts("2001:db8:1:1::1"));
  EXPECT_FALSE(counts("2001:db8:1:1:ffff:ffff:ffff:ffff"));
  EXPECT_TRUE(counts("2001:db8:1:2::1"));
}

TEST(rate_limits, what_was_counted_outlives_a_reload) {
  RateLimits limits({.messages_per_user = {.count = 1, .per = 1h}});
  EXPECT_FALSE(limits.count(What::messages_of_user, "alice", start));
  limits.set_options({.messages_per_user = {.count = 2, .per = 2h}});
  EXPECT_FALSE(limits.count(What::messages_of_user, "alice", start));
  EXPECT_EQ(limits.count(What::messages_of_user, "alice", start), 1h);
  limits.set_options({});
  EXPECT_FALSE(limits.count(What::messages_of_user, "alice", start));
}

TEST(rate_limits, many_clients_cost_a_bounded_memory_and_do_not_free_one_that_goes_on) {
  RateLimits limits({.messages_per_client = {.count = 1, .per = 1h}});
  EXPECT_FALSE(limits.count(What::messages_of_client, "bad", start));
  for (std::size_t i = 0; i < 3 * RateLimits::names_max; ++i) {
    EXPECT_FALSE(limits.count(What::messages_of_client, std::to_string(i), start));
    if (i % 1'000 == 0) EXPECT_TRUE(limits.count(What::messages_of_client, "bad", start)) << i;
  }
}

}  // namespace
}  // namespace policy
