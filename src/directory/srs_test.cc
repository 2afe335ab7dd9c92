#include "directory/srs.h"

#include <gtest/gtest.h>

#include "base/ascii.h"

namespace directory {
namespace {

using namespace std::chrono_literals;
using Kind = Srs::Reversed::Kind;

constexpr base::WallTime day_0{std::chrono::days(20'000)};
constexpr std::string_view secret = "a secret of 24 octets ok";

grammar::Mailbox mailbox(std::string_view text) { return *grammar::Mailbox::parse(text); }

Srs srs_with(std::initializer_list<std::string_view> secrets,
             base::Duration expire = std::chrono::days(21)) {
  Srs::Options options{.domain = *grammar::Domain::parse("our.test"), .secrets = {}};
  options.expire = expire;
  for (const std::string_view one : secrets) options.secrets.emplace_back(std::string(one));
  return Srs(std::move(options));
}

std::string shown(const Srs::Reversed& reversed) {
  switch (reversed.kind) {
    case Kind::none: return "none";
    case Kind::good: return reversed.mailbox.print();
    case Kind::forged: return "forged";
    case Kind::expired: return "expired " + reversed.mailbox.print();
  }
  return "?";
}

std::string rewritten(const Srs& srs, std::string_view sender) {
  const auto out = srs.rewrite(mailbox(sender), day_0);
  return out ? out->print() : "stays";
}

TEST(srs, an_address_has_the_usual_form) {
  const std::string out = rewritten(srs_with({secret}), "Ann@A.Test");
  ASSERT_EQ(out.size(), std::string("SRS0=HHHHHHHH=TT=a.test=Ann@our.test").size());
  EXPECT_TRUE(out.starts_with("SRS0="));
  EXPECT_TRUE(out.ends_with("=a.test=Ann@our.test")) << out;
}

TEST(srs, what_is_rewritten_comes_back) {
  const Srs srs = srs_with({secret});
  for (const std::string_view sender :
       {"ann@a.test", "Ann.Lee+x=y@a.test", "\"a n n\"@a.test", "a=b==c@a.test", "x@[192.0.2.1]",
        "SRS0@a.test", "srs@a.test"}) {
    const auto out = srs.rewrite(mailbox(sender), day_0);
    ASSERT_TRUE(out.has_value()) << sender;
    EXPECT_EQ(shown(srs.reverse(*out, day_0)), sender);
  }
}

TEST(srs, case_may_be_lost_on_the_way) {
  const Srs srs = srs_with({secret});
  const std::string out = rewritten(srs, "Ann@a.test");
  EXPECT_EQ(shown(srs.reverse(mailbox(base::lower(out)), day_0)), "ann@a.test");
  std::string upper = out;
  for (char& c : upper) c = base::to_upper(c);
  EXPECT_EQ(base::lower(shown(srs.reverse(mailbox(upper), day_0))), "ann@a.test");
}

TEST(srs, what_others_have_rewritten_goes_straight_back_to_the_first) {
  const Srs srs = srs_with({secret});
  const std::string_view first = "SRS0=HHHH=TT=a.test=ann@b.test";
  const std::string one = rewritten(srs, first);
  EXPECT_TRUE(one.starts_with("SRS1=")) << one;
  EXPECT_TRUE(one.ends_with("=b.test==HHHH=TT=a.test=ann@our.test")) << one;
  EXPECT_EQ(shown(srs.reverse(mailbox(one), day_0)), first);

  // A third host keeps the first one, and forgets the second.
  const std::string two = rewritten(srs, "SRS1=GGGG=b.test==HHHH=TT=a.test=ann@c.test");
  EXPECT_TRUE(two.ends_with("=b.test==HHHH=TT=a.test=ann@our.test")) << two;
  EXPECT_EQ(shown(srs.reverse(mailbox(two), day_0)), first);

  // Other separators stay what they were.
  const std::string plus = rewritten(srs, "srs0+HHHH=TT=a.test=ann@b.test");
  EXPECT_EQ(shown(srs.reverse(mailbox(plus), day_0)), "SRS0+HHHH=TT=a.test=ann@b.test");
}

TEST(srs, a_false_srs1_is_an_address_like_others) {
  const Srs srs = srs_with({secret});
  for (const std::string_view sender : {"SRS1=x@b.test", "SRS1=x=y@b.test", "SRS1=x==q@b.test"}) {
    const std::string out = rewritten(srs, sender);
    EXPECT_TRUE(out.starts_with("SRS0=")) << out;
    EXPECT_EQ(shown(srs.reverse(mailbox(out), day_0)), sender);
  }
}

TEST(srs, each_changed_octet_is_found) {
  const Srs srs = srs_with({secret});
  for (const std::string_view sender : {"ann@a.test", "SRS0=HHHH=TT=a.test=ann@b.test"}) {
    const std::string good = rewritten(srs, sender);
    for (std::size_t i = 4; i < good.find('@'); ++i) {
      std::string bad = good;
      bad[i] = good[i] == 'Q' ? 'Z' : 'Q';
      const auto parsed = grammar::Mailbox::parse(bad);
      ASSERT_TRUE(parsed.has_value());
      EXPECT_EQ(shown(srs.reverse(*parsed, day_0)), i == 4 ? "none" : "forged") << bad;
    }
    for (std::size_t i = 6; i < good.find('@'); ++i) {
      const grammar::Mailbox cut{.local = *grammar::LocalPart::from_value(good.substr(0, i)),
                                 .domain = srs.domain()};
      EXPECT_EQ(shown(srs.reverse(cut, day_0)), "forged") << i;
    }
  }
}

TEST(srs, one_form_is_not_taken_for_the_other) {
  const Srs srs = srs_with({secret});
  std::string out = rewritten(srs, "SRS0=HHHH=TT=a.test=ann@b.test");
  out[3] = '0';
  EXPECT_EQ(shown(srs.reverse(mailbox(out), day_0)), "forged");
  out = rewritten(srs, "ann@a.test");
  out[3] = '1';
  EXPECT_EQ(shown(srs.reverse(mailbox(out), day_0)), "forged");
}

TEST(srs, other_addresses_are_none) {
  const Srs srs = srs_with({secret});
  const std::string good = rewritten(srs, "ann@a.test");
  for (const std::string& text :
       {std::string("ann@our.test"), std::string("SRS0@our.test"), std::string("SRS2=x@our.test"),
        good.substr(0, good.find('@')) + "@other.test"}) {
    EXPECT_EQ(shown(srs.reverse(mailbox(text), day_0)), "none") << text;
  }
  EXPECT_EQ(shown(srs.reverse(mailbox(good.substr(0, good.find('@')) + "@OUR.test"), day_0)),
            "ann@a.test");
}

TEST(srs, addresses_expire) {
  const Srs srs = srs_with({secret});
  const grammar::Mailbox out = *srs.rewrite(mailbox("ann@a.test"), day_0);
  struct Row {
    std::int64_t days;
    std::string_view want;
  };
  for (const Row row :
       {Row{-2, "expired ann@a.test"}, Row{-1, "ann@a.test"}, Row{0, "ann@a.test"},
        Row{21, "ann@a.test"}, Row{22, "expired ann@a.test"}, Row{1'022, "expired ann@a.test"}}) {
    EXPECT_EQ(shown(srs.reverse(out, day_0 + std::chrono::days(row.days))), row.want) << row.days;
  }
}

TEST(srs, old_secrets_are_good_and_unknown_ones_are_not) {
  const std::string old = rewritten(srs_with({secret}), "ann@a.test");
  const std::string_view other = "another secret of 27 octets";
  EXPECT_EQ(shown(srs_with({other, secret}).reverse(mailbox(old), day_0)), "ann@a.test");
  EXPECT_EQ(shown(srs_with({other}).reverse(mailbox(old), day_0)), "forged");
  EXPECT_NE(rewritten(srs_with({other, secret}), "ann@a.test"), old);
}

TEST(srs, what_would_be_too_long_stays_as_it_is) {
  const Srs srs = srs_with({secret});
  // SRS0=HHHHHHHH=TT=a.test= has 24 octets.
  const std::string longest(srs_local_octets_max - 24, 'x');
  EXPECT_EQ(rewritten(srs, longest + "@a.test").find('@'), srs_local_octets_max);
  EXPECT_EQ(rewritten(srs, longest + "x@a.test"), "stays");
  EXPECT_EQ(rewritten(srs, "\"" + longest.substr(2) + " \"@a.test"), "stays");
}

TEST(srs, is_told_from_other_addresses) {
  EXPECT_TRUE(is_srs(mailbox("SRS0=x@a.test")));
  EXPECT_TRUE(is_srs(mailbox("srs1-x@a.test")));
  EXPECT_FALSE(is_srs(mailbox("SRS0@a.test")));
  EXPECT_FALSE(is_srs(mailbox("SRS0x@a.test")));
}

TEST(srs, secrets_stand_one_a_line) {
  const auto secrets = parse_srs_secrets("# a\n\n  0123456789abcdef \r\nfedcba9876543210\n");
  ASSERT_TRUE(secrets.has_value());
  ASSERT_EQ(secrets->size(), 2u);
  EXPECT_EQ((*secrets)[0].reveal(), "0123456789abcdef");
  EXPECT_FALSE(parse_srs_secrets("").has_value());
  EXPECT_FALSE(parse_srs_secrets("# a\n").has_value());
  EXPECT_FALSE(parse_srs_secrets("0123456789abcdef\n0123456789abcde\n").has_value());
}

}  // namespace
}  // namespace directory
