#include "smtp/dsn_parameters.h"

#include <gtest/gtest.h>

#include "grammar/notify.h"

namespace smtp {
namespace {

namespace notify = grammar::notify;

TEST(dsn_parameters, notify) {
  struct Case {
    std::string_view text;
    std::optional<std::uint8_t> want;
  };
  const Case cases[] = {
      {"NEVER", notify::never},
      {"never", notify::never},
      {"SUCCESS", notify::success},
      {"Failure", notify::failure},
      {"DELAY", notify::delay},
      {"SUCCESS,FAILURE,DELAY", notify::success | notify::failure | notify::delay},
      {"delay,success", notify::success | notify::delay},
      {"DELAY,DELAY", notify::delay},
      {"", std::nullopt},
      {"NEVER,SUCCESS", std::nullopt},
      {"SUCCESS,NEVER", std::nullopt},
      {"SUCCESS,", std::nullopt},
      {",SUCCESS", std::nullopt},
      {"SUCCESS,,DELAY", std::nullopt},
      {"SUCCESS;DELAY", std::nullopt},
      {"ALWAYS", std::nullopt},
  };
  for (const Case& row : cases) EXPECT_EQ(parse_notify(row.text), row.want) << row.text;
}

struct OrcptCase {
  std::string_view name;
  std::string_view text;
  bool smtputf8 = false;
  bool good = false;
};

const OrcptCase orcpt_cases[] = {
    {"an address", "rfc822;bob@example.com", false, true},
    {"encoded", "rfc822;+22a+20b+22@example.com", false, true},
    {"a type of another network", "x-uucp;a!b!c", false, true},
    {"a type in any case", "RFC822;a@b", false, true},
    {"nothing behind the type", "rfc822;", false, true},
    {"a second semicolon", "rfc822;a;b", false, true},
    {"UTF-8, encoded", "utf-8;p+41", false, false},
    {"UTF-8, embedded", "utf-8;p\\x{E4}@\\x{1F600}.example", false, true},
    {"UTF-8, a plus embedded", "utf-8;a\\x{2B}b@c", false, true},
    {"UTF-8, as it is", "utf-8;p\xc3\xa4@b", true, true},
    {"UTF-8, as it is, without SMTPUTF8", "utf-8;p\xc3\xa4@b", false, false},
    {"UTF-8, malformed", "utf-8;p\xc3@b", true, false},
    {"UTF-8, a control embedded", "utf-8;a\\x{0A}b", true, false},
    {"UTF-8, NUL embedded", "utf-8;a\\x{00}b", true, false},
    {"UTF-8, C1 embedded", "utf-8;a\\x{85}b", true, false},
    {"UTF-8, ASCII embedded without need", "utf-8;a\\x{41}b", true, false},
    {"UTF-8, a surrogate embedded", "utf-8;a\\x{D800}b", true, false},
    {"UTF-8, beyond Unicode", "utf-8;a\\x{110000}b", true, false},
    {"UTF-8, a zero too many", "utf-8;a\\x{0E4}b", true, false},
    {"UTF-8, lower case", "utf-8;a\\x{e4}b", true, false},
    {"UTF-8, an open brace", "utf-8;a\\x{E4", true, false},
    {"UTF-8, a backslash alone", "utf-8;a\\b", true, false},
    {"UTF-8, nothing", "utf-8;", true, false},
    {"nothing", "", false, false},
    {"no type", ";a@b", false, false},
    {"no semicolon", "rfc822", false, false},
    {"a type that is no atom", "rfc(822;a@b", false, false},
    {"bad xtext", "rfc822;a+4", false, false},
    {"lower-case xtext", "rfc822;a+2b", false, false},
    {"a line end", "rfc822;a+0D+0Ab", false, false},
    {"UTF-8 in xtext, as Postfix sends it", "rfc822;b+C3+B6b@example.com", false, true},
    {"UTF-8 in xtext, C1", "rfc822;b+C2+85b@example.com", false, false},
    {"an octet that is no UTF-8", "rfc822;a+E4b", false, false},
    {"NUL", "rfc822;a+00b", false, false},
};

TEST(dsn_parameters, orcpt_is_kept_as_it_came) {
  for (const OrcptCase& row : orcpt_cases) {
    const auto got = parse_orcpt(row.text, row.smtputf8);
    EXPECT_EQ(got, row.good ? std::optional(std::string(row.text)) : std::nullopt) << row.name;
  }
}

TEST(dsn_parameters, orcpt_of_full_length) {
  const std::string text = "rfc822;" + std::string(orcpt_octets_max - 7, 'x');
  EXPECT_TRUE(parse_orcpt(text, false));
  EXPECT_FALSE(parse_orcpt(text + "x", false));
}

TEST(dsn_parameters, ret) {
  EXPECT_EQ(parse_ret("full"), 1);
  EXPECT_EQ(parse_ret("HDRS"), 2);
  for (const std::string_view text : {"", "HEADERS", "FULL,HDRS"}) EXPECT_FALSE(parse_ret(text));
}

TEST(dsn_parameters, envid_is_decoded) {
  EXPECT_EQ(parse_envid("QQ314159"), "QQ314159");
  EXPECT_EQ(parse_envid("a+20b+3D+2B"), "a b=+");
  EXPECT_EQ(parse_envid(std::string(envid_octets_max, 'x')), std::string(envid_octets_max, 'x'));
  EXPECT_FALSE(parse_envid(std::string(envid_octets_max + 1, 'x')));
  for (const std::string_view text : {"", "a+", "a+0D+0Ab", "a+E4", "a=b", "\xc3\xa9"}) {
    EXPECT_FALSE(parse_envid(text)) << text;
  }
}

}  // namespace
}  // namespace smtp
