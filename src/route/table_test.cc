#include "route/table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace route {
namespace {

grammar::Mailbox mailbox(std::string_view text) { return grammar::Mailbox::parse(text).value(); }

RouteTable table_of(const std::vector<std::string>& patterns) {
  std::vector<Rule> rules;
  for (const std::string& pattern : patterns) {
    rules.push_back(
        {AddressPattern::parse(pattern).value(), parse_target("discard:").value(), pattern});
  }
  return RouteTable(std::move(rules));
}

/// The pattern of the rule that matched, or "".
std::string found(const RouteTable& table, std::string_view recipient, bool ours = false) {
  const Rule* rule = table.find(mailbox(recipient), ours);
  return rule == nullptr ? "" : rule->lane;
}

TEST(AddressPattern, patterns) {
  struct Case {
    std::string_view pattern;
    std::vector<std::string_view> matching, others;
  };
  const Case cases[] = {
      {"*", {"a@b.example", "a@[192.0.2.1]", "a@localhost"}, {}},
      {"b.example", {"a@b.example", "x@B.EXAMPLE"}, {"a@a.b.example", "a@bb.example"}},
      {"*.b.example",
       {"a@a.b.example", "a@x.a.B.example"},
       {"a@b.example", "a@xb.example", "a@[192.0.2.1]"}},
      {"*.uucp", {"a@host.uucp"}, {"a@uucp", "a@uucp.example"}},
      {"Ann@b.example",
       {"ann@b.example", "ANN@B.example", "\"ann\"@b.example"},
       {"bob@b.example", "ann@a.b.example", "ann@example"}},
      {"\"a b\"@b.example", {"\"A b\"@b.example"}, {"ab@b.example"}},
      {"m\xc3\xbcller.example", {"a@xn--mller-kva.example", "a@M\xc3\xbcLLER.example"}, {}},
      {"[192.0.2.1]", {"a@[192.0.2.1]"}, {"a@[192.0.2.2]"}},
  };
  for (const Case& test : cases) {
    const auto pattern = AddressPattern::parse(test.pattern);
    ASSERT_TRUE(pattern) << test.pattern << pattern.error();
    EXPECT_EQ(AddressPattern::parse(pattern->print()), pattern) << pattern->print();
    for (const auto text : test.matching) EXPECT_TRUE(pattern->matches(mailbox(text))) << text;
    for (const auto text : test.others) EXPECT_FALSE(pattern->matches(mailbox(text))) << text;
  }
  for (const auto text : {"", "**", "*.", "*.*.x", "*@b.example", "@b.example", "a@", "a@b@c",
                          "b..example", "*b.example", "a.*.b", "b.example.", "*.[192.0.2.1]"}) {
    EXPECT_FALSE(AddressPattern::parse(text)) << text;
  }
}

TEST(RouteTable, the_first_match_wins) {
  const auto table = table_of({"ann@a.example", "*.a.example", "a.example", "*.b.a.example", "*",
                               "late.example", "ann@late.example"});
  EXPECT_EQ(found(table, "Ann@a.example"), "ann@a.example");
  EXPECT_EQ(found(table, "bob@a.example"), "a.example");
  EXPECT_EQ(found(table, "bob@c.b.a.example"), "*.a.example");
  EXPECT_EQ(found(table, "ann@late.example"), "*");
  EXPECT_EQ(found(table, "ann@[192.0.2.1]"), "*");
  EXPECT_EQ(found(RouteTable(), "ann@a.example"), "");
}

TEST(RouteTable, only_a_rule_that_names_a_domain_of_ours_takes_its_mail) {
  const auto table = table_of({"*", "*.example", "ann@our.example", "*.our.example"});
  EXPECT_EQ(found(table, "bob@our.example", true), "");
  EXPECT_EQ(found(table, "ann@our.example", true), "ann@our.example");
  EXPECT_EQ(found(table, "bob@our.example", false), "*");
  EXPECT_EQ(found(table_of({"*", "our.example"}), "bob@our.example", true), "our.example");
}

TEST(RouteTable, finds_what_a_walk_through_all_rules_finds) {
  std::mt19937 random(7);
  const std::vector<std::string> domains = {"a.x", "b.x", "a.b.x", "x", "c.a.b.x", "y"};
  const std::vector<std::string> locals = {"ann", "bob"};
  const auto pick = [&](const std::vector<std::string>& from) {
    return from[random() % from.size()];
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> patterns;
    for (std::size_t i = random() % 8; i > 0; --i) {
      switch (random() % 5) {
        case 0: patterns.push_back(random() % 3 == 0 ? "*" : "y"); break;
        case 1: patterns.push_back("*." + pick(domains)); break;
        case 2: patterns.push_back(pick(domains)); break;
        default: patterns.push_back(pick(locals) + "@" + pick(domains)); break;
      }
    }
    const auto table = table_of(patterns);
    for (const std::string& domain : domains) {
      for (const bool ours : {false, true}) {
        const auto recipient = mailbox(pick(locals) + "@" + domain);
        const auto want = std::ranges::find_if(table.rules(), [&](const Rule& rule) {
          const bool names = rule.recipient.kind == AddressPattern::Kind::address ||
                             rule.recipient.kind == AddressPattern::Kind::domain;
          return rule.recipient.matches(recipient) && (!ours || names);
        });
        const Rule* got = table.find(recipient, ours);
        EXPECT_EQ(got, want == table.rules().end() ? nullptr : &*want);
      }
    }
  }
}

TEST(RouteTable, explains_the_rules_that_were_tried) {
  const auto table = table_of({"*.uucp", "*", "our.example", "never.example"});
  std::vector<Step> steps;
  (void)table.find(mailbox("a@our.example"), true, nullptr, &steps);
  const std::vector<Step> want = {
      {"[[route]] 1: *.uucp", "does not match"},
      {"[[route]] 2: *", "does not name this domain, which is ours"},
      {"[[route]] 3: our.example", "matches: via discard:"},
  };
  EXPECT_EQ(steps, want);

  const auto many = table_of(std::vector<std::string>(60, "other.example"));
  steps.clear();
  (void)many.find(mailbox("a@our.example"), false, nullptr, &steps);
  EXPECT_EQ(steps.size(), 51u);
  EXPECT_EQ(steps.back(), (Step{"10 more rules", "do not match"}));
}

}  // namespace
}  // namespace route
