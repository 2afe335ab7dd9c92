#include "route/rows.h"

#include <gtest/gtest.h>

namespace route {
namespace {

grammar::Mailbox mailbox(std::string_view text) { return grammar::Mailbox::parse(text).value(); }

void add(Rows& rows, std::string_view pattern, std::string_view via) {
  EXPECT_EQ(
      rows.add(AddressPattern::parse(pattern).value(), parse_target(via).value(), rows.size() + 1),
      std::nullopt);
}

TEST(Rows, the_most_specific_row_wins_whatever_their_order) {
  Rows rows("t");
  for (const std::string_view pattern :
       {"*", "*.example", "*.b.example", "b.example", "Ann@b.example", "our.example"}) {
    add(rows, pattern, "reject:" + std::string(pattern));
  }
  struct Case {
    std::string_view recipient, want;
    bool ours = false;
  };
  const Case cases[] = {
      {"ann@B.example", "Ann@b.example"}, {"bob@b.example", "b.example"},
      {"ann@a.b.example", "*.b.example"}, {"ann@x.a.b.example", "*.b.example"},
      {"ann@c.example", "*.example"},     {"ann@example", "*"},
      {"ann@[192.0.2.1]", "*"},           {"ann@our.example", "our.example", true},
      {"ann@a.b.example", "", true},      {"ann@b.example", "Ann@b.example", true},
      {"bob@other.example", "", true},
  };
  for (const Case& row : cases) {
    const auto found = rows.find(mailbox(row.recipient), row.ours);
    EXPECT_EQ(found ? found->via->argument : "", row.want) << row.recipient;
  }
}

TEST(Rows, a_second_row_for_one_pattern_is_told_and_not_taken) {
  Rows rows("t");
  add(rows, "a@b.example", "discard:");
  EXPECT_EQ(rows.add(AddressPattern::parse("A@B.example").value(), parse_target("mx:").value(), 7),
            1u);
  EXPECT_EQ(rows.find(mailbox("a@b.example"), false)->via->scheme, Scheme::discard);
  EXPECT_EQ(rows.find(mailbox("a@b.example"), false)->line, 1u);
  EXPECT_EQ(rows.size(), 1u);
}

TEST(Rows, equal_targets_are_kept_once) {
  Rows rows("t");
  add(rows, "a.example", "smtp://Gateway.example");
  add(rows, "b.example", "smtp://gateway.example:25");
  add(rows, "c.example", "mx:");
  EXPECT_EQ(rows.targets().size(), 2u);
}

/// What a look-up costs, in look-ups of the hash table, does not depend on how many rows there are.
TEST(Rows, a_look_up_costs_the_same_among_100000_rows) {
  const std::string_view recipients[] = {"u7@d7.example", "x@d7.example", "x@a.b.nowhere.test"};
  const auto cost = [&](std::size_t count) {
    Rows rows("t");
    for (std::size_t i = 0; i < count; ++i) {
      const std::string number = std::to_string(i);
      add(rows, (i % 2 == 0 ? "d" : "u" + number + "@d") + number + ".example",
          "smtp://gateway" + std::to_string(i % 10) + ".example");
    }
    std::vector<std::size_t> out;
    for (const std::string_view recipient : recipients) {
      (void)rows.find(mailbox(recipient), false, &out.emplace_back());
    }
    return out;
  };
  const std::vector<std::size_t> small = cost(10);
  EXPECT_EQ(small, (std::vector<std::size_t>{1, 4, 6}));
  EXPECT_EQ(cost(100'000), small);
}

}  // namespace
}  // namespace route
