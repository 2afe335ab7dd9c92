#include "route/domain_set.h"

#include <gtest/gtest.h>

#include <vector>

namespace route {
namespace {

grammar::Domain domain(std::string_view text) { return *grammar::Domain::parse(text); }

struct Row {
  std::string_view domain;
  bool contained;
  bool touched;
};

TEST(domain_set, has_domains_and_what_is_below_others) {
  std::vector<AddressPattern> patterns;
  for (const char* text : {"branch.example", "*.deep.test", "user@other.test", "*"}) {
    patterns.push_back(*AddressPattern::parse(text));
  }
  const DomainSet set(patterns);
  constexpr Row rows[] = {
      {"branch.example", true, true},     {"Branch.EXAMPLE", true, true},
      {"a.branch.example", false, false}, {"xbranch.example", false, false},
      {"example", false, true},           {"deep.test", false, true},
      {"a.deep.test", true, true},        {"a.b.deep.test", true, true},
      {"adeep.test", false, false},       {"test", false, true},
      {"other.test", false, false},       {"[192.0.2.1]", false, false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(set.contains(domain(row.domain)), row.contained) << row.domain;
    EXPECT_EQ(set.touches(domain(row.domain)), row.touched) << row.domain;
  }
  EXPECT_FALSE(set.contains({}));
  EXPECT_FALSE(DomainSet().contains(domain("branch.example")));
  EXPECT_TRUE(DomainSet().empty());
}

TEST(domain_set, what_lies_below) {
  EXPECT_TRUE(is_at_or_below(domain("a.test"), domain("a.test")));
  EXPECT_TRUE(is_at_or_below(domain("b.A.test"), domain("a.TEST")));
  EXPECT_FALSE(is_at_or_below(domain("ba.test"), domain("a.test")));
  EXPECT_FALSE(is_at_or_below(domain("test"), domain("a.test")));
  EXPECT_FALSE(is_at_or_below(domain("[192.0.2.1]"), domain("a.test")));
}

}  // namespace
}  // namespace route
