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
  const auto match = table.find(mailbox(recipient), ours);
  return match ? match->rule->lane : "";
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
        const auto got = table.find(recipient, ours);
        EXPECT_EQ(got ? got->rule : nullptr, want == table.rules().end() ? nullptr : &*want);
      }
    }
  }
}

/// The recipient is a@b.example always.
struct OriginCase {
  std::string_view name, sender, network, user;  ///< Of the rule; empty: no such condition.
  std::string_view from, client, login;          ///< Of the message.
  bool matches;
};

const OriginCase origin_cases[] = {
    {"none", "", "", "", "x@y.example", "192.0.2.1", "", true},
    {"sender: address", "x@y.example", "", "", "X@Y.example", "", "", true},
    {"sender: another address", "x@y.example", "", "", "z@y.example", "", "", false},
    {"sender: domain", "y.example", "", "", "x@Y.example", "", "", true},
    {"sender: a domain leaves out what is below", "y.example", "", "", "x@a.y.example", "", "",
     false},
    {"sender: below", "*.y.example", "", "", "x@b.a.y.example", "", "", true},
    {"sender: below, not itself", "*.y.example", "", "", "x@y.example", "", "", false},
    {"sender: A-label", "m\xc3\xbcller.example", "", "", "x@xn--mller-kva.example", "", "", true},
    {"sender: a literal", "[192.0.2.7]", "", "", "x@[192.0.2.7]", "", "", true},
    {"sender: a literal is below nothing", "*.2.7]", "", "", "x@[192.0.2.7]", "", "", false},
    {"sender: any", "*", "", "", "x@y.example", "", "", true},
    {"sender: any, and <>", "*", "", "", "", "", "", true},
    {"sender: <>", "<>", "", "", "", "", "", true},
    {"sender: <> is no other", "<>", "", "", "x@y.example", "", "", false},
    {"sender: no other is <>", "y.example", "", "", "", "", "", false},
    {"network", "", "192.0.2.0/24", "", "", "192.0.2.255", "", true},
    {"network: one past", "", "192.0.2.0/24", "", "", "192.0.3.0", "", false},
    {"network: IPv4-mapped", "", "192.0.2.0/24", "", "", "::ffff:192.0.2.1", "", true},
    {"network: IPv6", "", "2001:db8::/32", "", "", "2001:db8::1", "", true},
    {"network: no client", "", "0.0.0.0/0", "", "", "", "", false},
    {"user", "", "", "u@y.example", "", "", "U@Y.example", true},
    {"user: another", "", "", "u@y.example", "", "", "v@y.example", false},
    {"user: domain", "", "", "y.example", "", "", "u@y.example", true},
    {"user: below", "", "", "*.y.example", "", "", "u@a.y.example", true},
    {"user: any", "", "", "*", "", "", "u@y.example", true},
    {"user: nobody", "", "", "*", "", "", "", false},
    {"user: no address", "", "", "root", "", "", "Root", true},
    {"user: another name", "", "", "root", "", "", "toor", false},
    {"all of them", "y.example", "192.0.2.1", "u@y.example", "x@y.example", "192.0.2.1",
     "u@y.example", true},
    {"all but the sender", "y.example", "192.0.2.1", "u@y.example", "x@z.example", "192.0.2.1",
     "u@y.example", false},
    {"all but the network", "y.example", "192.0.2.1", "u@y.example", "x@y.example", "192.0.2.2",
     "u@y.example", false},
    {"all but the user", "y.example", "192.0.2.1", "u@y.example", "x@y.example", "192.0.2.1",
     "v@y.example", false},
};

Rule rule_with(std::string_view sender, std::string_view network, std::string_view user,
               std::string_view recipient = "b.example") {
  Rule rule{AddressPattern::parse(recipient).value(), parse_target("discard:").value(), {}};
  if (!sender.empty()) {
    // What is no pattern stands for a rule that never matches.
    const auto pattern = SenderPattern::parse(sender);
    rule.sender = pattern ? *pattern : SenderPattern::parse("never.example").value();
  }
  if (!network.empty()) rule.network = base::Network::parse(network).value();
  if (!user.empty()) rule.user = UserPattern::parse(user).value();
  return rule;
}

TEST(RouteTable, all_conditions_must_match) {
  for (const OriginCase& row : origin_cases) {
    const RouteTable table({rule_with(row.sender, row.network, row.user)});
    Origin origin{.sender = {}, .client = {}, .user = row.login};
    if (!row.from.empty()) origin.sender = mailbox(row.from);
    if (!row.client.empty()) origin.client = base::IpAddress::parse(row.client).value();
    const auto recipient = mailbox("a@b.example");
    EXPECT_EQ(table.find(recipient, false, &origin).has_value(), row.matches) << row.name;
    const bool unconditional = row.sender.empty() && row.network.empty() && row.user.empty();
    EXPECT_EQ(table.find(recipient, false).has_value(), unconditional) << row.name;
  }
}

TEST(RouteTable, the_first_of_all_that_match_wins) {
  const RouteTable table({
      rule_with("x@y.example", "10.0.0.0/8", "", "b.example"),
      rule_with("y.example", "", "", "*"),
      rule_with("", "10.0.0.0/8", "", "a@b.example"),
      rule_with("x@y.example", "", "", "b.example"),
      rule_with("", "", "", "b.example"),
      rule_with("<>", "", "", "a@b.example"),
  });
  struct Case {
    std::string_view from, client;
    std::size_t want, want_ours;  ///< From 1.
  };
  const Case rows[] = {
      {"x@y.example", "10.1.1.1", 1, 1},
      {"x@y.example", "192.0.2.1", 2, 4},
      {"z@y.example", "10.1.1.1", 2, 3},
      {"z@y.example", "192.0.2.1", 2, 5},
      {"z@else.example", "10.1.1.1", 3, 3},
      {"z@else.example", "192.0.2.1", 5, 5},
      {"", "192.0.2.1", 5, 5},
  };
  for (const Case& row : rows) {
    Origin origin{.sender = {}, .client = base::IpAddress::parse(row.client), .user = {}};
    if (!row.from.empty()) origin.sender = mailbox(row.from);
    const auto index = [&](bool ours) {
      const auto match = table.find(mailbox("a@b.example"), ours, &origin);
      return match ? static_cast<std::size_t>(match->rule - table.rules().data()) + 1 : 0;
    };
    EXPECT_EQ(index(false), row.want) << row.from << " " << row.client;
    EXPECT_EQ(index(true), row.want_ours) << row.from << " " << row.client;
  }
}

TEST(RouteTable, explains_conditions) {
  Rule last = rule_with("y.example", "", "", "*");
  last.lane = "bulk";
  last.auth = std::make_shared<RouteAuth>(RouteAuth{"u", "f"});
  const RouteTable table({rule_with("<>", "", "", "*"), rule_with("", "10.0.0.0/8", "", "*"),
                          rule_with("", "", "root", "*"), rule_with("<>", "", "", "x.example"),
                          last});
  const Origin origin{
      .sender = mailbox("x@y.example"), .client = base::IpAddress::parse("192.0.2.1"), .user = {}};
  std::vector<Step> steps;
  (void)table.find(mailbox("a@b.example"), false, &origin, &steps);
  const std::vector<Step> want = {
      {"[[route]] 1: *, sender <>", "the sender is x@y.example"},
      {"[[route]] 2: *, network 10.0.0.0/8", "the client is 192.0.2.1"},
      {"[[route]] 3: *, user root", "nobody has logged in"},
      {"[[route]] 4: x.example, sender <>", "does not match"},
      {"[[route]] 5: *, sender y.example", "matches: via discard:, logged in as u, in lane bulk"},
  };
  EXPECT_EQ(steps, want);
}

Rule rule_of(std::shared_ptr<const Rows> rows, std::string lane) {
  Rule rule{{}, {}, std::move(lane)};
  rule.table = std::move(rows);
  return rule;
}

std::shared_ptr<Rows> rows_of(
    const std::vector<std::pair<std::string_view, std::string_view>>& texts) {
  auto rows = std::make_shared<Rows>("/t");
  for (const auto& [pattern, via] : texts) {
    EXPECT_FALSE(rows->add(AddressPattern::parse(pattern).value(), parse_target(via).value(),
                           rows->size() + 1));
  }
  return rows;
}

TEST(RouteTable, tables_stand_in_the_order_of_the_rules) {
  Rule listed = rule_of(rows_of({{"b.example", "smtp://t"}, {"c.example", "discard:"}}), "table");
  listed.sender = SenderPattern::parse("y.example").value();
  const RouteTable table({
      {AddressPattern::parse("a@b.example").value(), parse_target("discard:").value(), "first"},
      listed,
      rule_of(rows_of({{"*.example", "smtp://u"}, {"z@our.example", "discard:"}}), "second table"),
      {AddressPattern::parse("b.example").value(), parse_target("discard:").value(), "last"},
  });
  struct Case {
    std::string_view name, recipient, from, want;
    bool ours = false;
  };
  const Case cases[] = {
      {"a rule before the table", "a@b.example", "x@y.example", "first"},
      {"the table before a rule", "x@b.example", "x@y.example", "table"},
      {"a table whose condition does not hold", "x@b.example", "x@z.example", "second table"},
      {"no row anywhere", "x@b.test", "x@y.example", ""},
      {"a row that does not name a domain of ours", "x@our.example", "x@z.example", "", true},
      {"a row that names an address in a domain of ours", "Z@our.example", "x@z.example",
       "second table", true},
      {"behind the tables", "x@b.example", "x@z.example", "last", true},
  };
  for (const Case& row : cases) {
    const Origin origin{.sender = mailbox(row.from), .client = {}, .user = {}};
    const auto match = table.find(mailbox(row.recipient), row.ours, &origin);
    EXPECT_EQ(match ? match->rule->lane : "", row.want) << row.name;
  }
}

TEST(RouteTable, a_row_is_named_in_an_explanation) {
  Rule secure = rule_of(rows_of({{"a.example", "mx:"}, {"b.example", "smtp://t,u"}}), "");
  secure.tls = TlsDemand::verify;
  const RouteTable table({rule_of(rows_of({{"c.example", "mx:"}}), ""), secure});
  std::vector<Step> steps;
  (void)table.find(mailbox("x@b.example"), false, nullptr, &steps);
  const std::vector<Step> want = {
      {"[[route]] 1: table /t", "has no row for it"},
      {"[[route]] 2: table /t", "line 2 matches: via smtp://t:25,u:25, TLS verify"},
  };
  EXPECT_EQ(steps, want);
}

TEST(RouteTable, explains_the_rules_that_were_tried) {
  const auto table = table_of({"*.uucp", "*", "our.example", "never.example"});
  std::vector<Step> steps;
  (void)table.find(mailbox("a@our.example"), true, nullptr, &steps);
  const std::vector<Step> want = {
      {"[[route]] 1: *.uucp", "does not match"},
      {"[[route]] 2: *", "does not name this domain, which is ours"},
      {"[[route]] 3: our.example", "matches: via discard:, in lane our.example"},
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
