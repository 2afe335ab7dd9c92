#include "dns/answer_cache.h"

#include <gtest/gtest.h>

namespace dns {
namespace {

using namespace std::chrono_literals;

Question question(int number, Type type = Type::a) {
  return {*Name::parse("n" + std::to_string(number) + ".example"), type};
}
Answer answer(std::chrono::seconds ttl) {
  Answer made;
  made.ttl = ttl;
  return made;
}
const base::Instant start{};

TEST(AnswerCache, serves_for_the_ttl_and_no_longer) {
  AnswerCache cache;
  cache.store(question(1), answer(10s), start);
  EXPECT_EQ(cache.find(question(1), start)->value().ttl, 10s);
  EXPECT_EQ(cache.find(question(1), start + 4500ms)->value().ttl, 5s);
  EXPECT_TRUE(cache.find(question(1), start + 10s - 1ns));
  EXPECT_FALSE(cache.find(question(1), start + 10s));
  EXPECT_EQ(cache.size(), 0u);
}

TEST(AnswerCache, tells_types_and_names_apart) {
  AnswerCache cache;
  cache.store(question(1), answer(10s), start);
  EXPECT_FALSE(cache.find(question(1, Type::aaaa), start));
  EXPECT_FALSE(cache.find(question(2), start));
}

TEST(AnswerCache, no_ttl_is_not_kept_and_replaces_what_was) {
  AnswerCache cache;
  cache.store(question(1), answer(10s), start);
  cache.store(question(1), answer(0s), start);
  EXPECT_FALSE(cache.find(question(1), start));
}

TEST(AnswerCache, the_ttl_is_capped) {
  AnswerCache cache;
  cache.store(question(1), answer(1'000h), start);
  EXPECT_TRUE(cache.find(question(1), start + 24h - 1ns));
  EXPECT_FALSE(cache.find(question(1), start + 24h));
}

TEST(AnswerCache, failures_are_kept_for_a_moment_or_not_at_all) {
  AnswerCache cache;
  cache.store(question(1), std::unexpected(LookupError::timed_out), start);
  EXPECT_EQ(cache.find(question(1), start + 4s)->error(), LookupError::timed_out);
  EXPECT_FALSE(cache.find(question(1), start + 5s));
  AnswerCache none({.failure_ttl = 0s});
  none.store(question(1), std::unexpected(LookupError::timed_out), start);
  EXPECT_FALSE(none.find(question(1), start));
}

TEST(AnswerCache, the_one_not_used_for_longest_goes_first) {
  AnswerCache cache({.entries = 3});
  for (const int i : {1, 2, 3}) cache.store(question(i), answer(10s), start);
  EXPECT_TRUE(cache.find(question(1), start));
  cache.store(question(4), answer(10s), start);
  EXPECT_EQ(cache.size(), 3u);
  EXPECT_TRUE(cache.find(question(1), start));
  EXPECT_FALSE(cache.find(question(2), start));
  EXPECT_TRUE(cache.find(question(3), start));
  EXPECT_TRUE(cache.find(question(4), start));
}

TEST(AnswerCache, octets_are_bounded) {
  AnswerCache cache({.entries = 1'000, .octets = 100'000});
  Answer big = answer(10s);
  big.records.push_back({.owner = {}, .type = Type::txt, .data = Txt{std::string(30'000, 'x')}});
  for (int i = 0; i < 10; ++i) cache.store(question(i), big, start);
  EXPECT_EQ(cache.size(), 3u);
  big.records[0].data = Txt{std::string(100'000, 'x')};
  cache.store(question(11), big, start);
  EXPECT_FALSE(cache.find(question(11), start));
  EXPECT_EQ(cache.size(), 3u);
  cache.clear();
  EXPECT_EQ(cache.size(), 0u);
}

}  // namespace
}  // namespace dns
