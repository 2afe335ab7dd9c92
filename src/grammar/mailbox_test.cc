#include "grammar/mailbox.h"

#include <gtest/gtest.h>

#include <unordered_set>

#include "base/address.h"

namespace grammar {
namespace {

using namespace std::literals;
using enum ParseErrorCode;

struct CanonicalCase {
  std::string_view name;
  std::string_view text;
  std::string_view want;
};

const CanonicalCase canonical_cases[] = {
    {"already canonical", "a.example", "a.example"},
    {"case", "A.ExAmple", "a.example"},
    {"A-label in upper case", "XN--BCHER-KVA.EXAMPLE", "xn--bcher-kva.example"},
    {"U-label",
     "b\xc3\xbc"
     "cher.example",
     "xn--bcher-kva.example"},
    {"U-label in upper case",
     "B\xc3\x9c"
     "CHER.example",
     "xn--bcher-kva.example"},
    {"decomposed U-label",
     "bu\xcc\x88"
     "cher.example",
     "xn--bcher-kva.example"},
    {"sharp s stays (non-transitional)", "fa\xc3\x9f.example", "xn--fa-hia.example"},
    {"ideographic full stop",
     "\xe4\xb9\x99\xe3\x80\x82"
     "example",
     "xn--ojq.example"},
    {"U-label and underscore", "a_b.\xc3\xbc.example", "a_b.xn--tda.example"},
    {"right to left", "\xd7\xa2\xd7\x91.example", "xn--5db7a.example"},
    {"IPv4 literal", "[192.0.2.1]", "[192.0.2.1]"},
    {"IPv6 literal", "[ipv6:2001:DB8:0::0001]", "[IPv6:2001:db8::1]"},
    {"IPv4-mapped literal is the IPv4 one", "[IPv6:::ffff:192.0.2.1]", "[192.0.2.1]"},
};

TEST(Domain, canonical_form) {
  for (const auto& row : canonical_cases) {
    const auto domain = Domain::parse(row.text);
    ASSERT_TRUE(domain) << row.name;
    EXPECT_EQ(domain->text(), row.text) << row.name;
    EXPECT_EQ(domain->canonical(), row.want) << row.name;
    const auto again = Domain::parse(row.want);
    ASSERT_TRUE(again) << row.name;
    EXPECT_EQ(*again, *domain) << row.name;
    EXPECT_EQ(std::hash<Domain>{}(*again), std::hash<Domain>{}(*domain)) << row.name;
    EXPECT_EQ(*again <=> *domain, std::strong_ordering::equal) << row.name;
    EXPECT_FALSE(domain->empty()) << row.name;
  }
}

TEST(Domain, whole_input_or_refused) {
  struct Row {
    std::string_view text;
    ParseError want;
  };
  const Row rows[] = {
      {"", {empty_domain_label, 0}},
      {"a.example.", {empty_domain_label, 10}},
      {"a b", {trailing_text, 1}},
      {"a,b", {trailing_text, 1}},
      {"*.example", {empty_domain_label, 0}},
      {"a\0"sv, {trailing_text, 1}},
      {"[192.0.2.1]:25", {trailing_text, 11}},
      {"[192.0.2.1", {bad_address_literal, 0}},
      {"\xff", {bad_utf8, 0}},
      {"xn--\xc3\xbc.example", {bad_internationalized_domain, 0}},
  };
  for (const auto& row : rows) {
    const auto domain = Domain::parse(row.text);
    ASSERT_FALSE(domain) << row.text;
    EXPECT_EQ(domain.error(), row.want) << row.text;
  }
}

TEST(Domain, without_smtputf8_no_u_labels) {
  Cursor in("b\xc3\xbc.example");
  EXPECT_EQ(parse_domain(in, {.smtputf8 = false}).error(), (ParseError{non_ascii, 1}));
}

TEST(Domain, literals_have_addresses) {
  const auto v4 = *Domain::parse("[192.0.2.1]");
  EXPECT_TRUE(v4.is_literal());
  EXPECT_EQ(v4.address(), base::IpAddress::parse("192.0.2.1"));
  const auto v6 = *Domain::parse("[IPv6:2001:db8::1]");
  EXPECT_EQ(v6.address(), base::IpAddress::parse("2001:db8::1"));
  EXPECT_EQ(Domain::literal(*base::IpAddress::parse("2001:db8:0::1")), v6);
  EXPECT_EQ(Domain::literal(*base::IpAddress::parse("192.0.2.1")).text(), "[192.0.2.1]");
  EXPECT_EQ(Domain::parse("192.0.2.1")->address(), std::nullopt) << "a name of digits is a name";
  EXPECT_EQ(Domain().address(), std::nullopt);
}

TEST(Domain, below) {
  const auto below = [](std::string_view name, std::string_view parent) {
    return Domain::parse(name)->is_below(*Domain::parse(parent));
  };
  EXPECT_TRUE(below("a.example", "EXAMPLE"));
  EXPECT_TRUE(below("a.b.example", "example"));
  EXPECT_TRUE(
      below("a.b\xc3\xbc"
            "cher",
            "xn--bcher-kva"));
  EXPECT_FALSE(below("example", "example"));
  EXPECT_FALSE(below("anexample", "example"));
  EXPECT_FALSE(below("example", "a.example"));
  EXPECT_FALSE(below("[192.0.2.1]", "example"));
}

TEST(LocalPart, equal_by_meaning) {
  const auto local = [](std::string_view text) { return Mailbox::parse(text)->local; };
  EXPECT_EQ(local("ann@a"), local("\"ann\"@a"));
  EXPECT_EQ(local("ann@a"), local("\"\\a\\nn\"@a"));
  EXPECT_EQ(local("\"a b\"@a"), local("\"a\\ b\"@a"));
  EXPECT_NE(local("ann@a"), local("Ann@a")) << "only the receiving host may ignore case";
  EXPECT_NE(local("ann@a"), local("\"ann \"@a"));
  EXPECT_EQ(local("\"\"@a").value(), "");
}

TEST(LocalPart, from_value_quotes_only_when_needed) {
  EXPECT_EQ(LocalPart::from_value("ann.b")->text(), "ann.b");
  EXPECT_EQ(LocalPart::from_value("a b")->text(), "\"a b\"");
  EXPECT_EQ(LocalPart::from_value("a\"\\b")->text(), "\"a\\\"\\\\b\"");
  EXPECT_EQ(LocalPart::from_value("")->text(), "\"\"");
  EXPECT_EQ(LocalPart::from_value("a@b")->text(), "\"a@b\"");
  EXPECT_EQ(LocalPart::from_value("\"a\"")->value(), "\"a\"") << "quotes may be the meaning";
  EXPECT_EQ(LocalPart::from_value("jos\xc3\xa9")->text(), "jos\xc3\xa9");
  EXPECT_FALSE(LocalPart::from_value("a\nb"));
  EXPECT_FALSE(LocalPart::from_value("a\0b"sv));
  EXPECT_FALSE(LocalPart::from_value("\xff"));
  EXPECT_TRUE(LocalPart::from_value(std::string(255, 'a')));
  EXPECT_FALSE(LocalPart::from_value(std::string(256, 'a')));
  for (int octet = 0; octet < 128; ++octet) {
    const std::string value = {'a', static_cast<char>(octet)};
    const auto local = LocalPart::from_value(value);
    EXPECT_EQ(local.has_value(), octet >= 0x20 && octet != 0x7f) << octet;
    if (local) {
      EXPECT_EQ(local->value(), value);
    }
  }
}

TEST(Mailbox, equality_hash_and_print) {
  const auto a = *Mailbox::parse("\"ann\"@B\xc3\xbc.example");
  const auto b = *Mailbox::parse("ann@xn--b-eha.example");
  EXPECT_EQ(a, b);
  EXPECT_EQ(std::unordered_set<Mailbox>({a, b}).size(), 1u);
  EXPECT_EQ(a.print(), "\"ann\"@B\xc3\xbc.example");
  EXPECT_EQ(a.print(DomainForm::ascii), "\"ann\"@xn--b-eha.example");
  EXPECT_FALSE(Mailbox::parse("<ann@a>"));
  EXPECT_EQ(Mailbox::parse("ann@a ").error(), (ParseError{trailing_text, 5}));
}

}  // namespace
}  // namespace grammar
