#include "route/rewrite.h"

#include <gtest/gtest.h>

#include <string>

namespace route {
namespace {

struct RewriteCase {
  std::string_view name;
  Rewrite rewrite;
  std::string_view mailbox;
  std::string_view want;  ///< Empty: it is an ordinary address.
};

using enum Rewrite;
const RewriteCase rewrite_cases[] = {
    {"no rewriting", none, "user%host!x@gw.test", ""},
    {"percent", percent, "user%host@gw.test", "user@host"},
    {"percent with a dot", percent, "user%host.example@gw.test", "user@host.example"},
    {"the last percent counts", percent, "user%b%a@gw.test", "user%b@a"},
    {"once, even if it names the gateway", percent, "u%a%gw.test@gw.test", "u%a@gw.test"},
    {"percent leaves bangs alone", percent, "a!user%b@gw.test", "a!user@b"},
    {"percent without a host", percent, "user%@gw.test", ""},
    {"percent without a user", percent, "%host@gw.test", ""},
    {"percent and no host name", percent, "user%ho_st-@gw.test", ""},
    {"percent and two dots", percent, "\"user%a..b\"@gw.test", ""},
    {"percent and a dot at the end", percent, "\"user%host.\"@gw.test", ""},
    {"percent never leads to an address", percent, "\"user%[192.0.2.1]\"@gw.test", ""},
    {"percent in quotes", percent, "\"user%host\"@gw.test", "user@host"},
    {"what needs quotes gets them", percent, "\"a b%host\"@gw.test", "\"a b\"@host"},
    {"an at sign stays quoted", percent, "\"u@x%host\"@gw.test", "\"u@x\"@host"},
    {"case is kept", percent, "User%Host@gw.test", "User@Host"},
    {"postmaster of the gateway", percent, "postmaster@gw.test", ""},
    {"bang", bang, "host!user@gw.test", "user@host"},
    {"the first bang counts", bang, "a!b!user@gw.test", "b!user@a"},
    {"bang leaves percents alone", bang, "a!user%b@gw.test", "user%b@a"},
    {"bang without a host", bang, "!user@gw.test", ""},
    {"bang without a user", bang, "host!@gw.test", ""},
    {"bang and no host name", bang, "-a!user@gw.test", ""},
    {"bang never leads to an address", bang, "\"[192.0.2.1]!user\"@gw.test", ""},
    {"bang and an option", bang, "host!-o@gw.test", "-o@host"},
    {"an ordinary address", bang, "user@gw.test", ""},
};

TEST(rewrite, one_step_from_a_gateways_address_to_the_one_behind_it) {
  for (const RewriteCase& row : rewrite_cases) {
    const auto mailbox = grammar::Mailbox::parse(row.mailbox);
    ASSERT_TRUE(mailbox) << row.name;
    const auto got = rewritten(row.rewrite, *mailbox);
    EXPECT_EQ(got ? got->print() : "", row.want) << row.name;
  }
}

TEST(rewrite, of_a_host_name_at_the_limit_and_one_past_it) {
  const auto at = [](std::size_t label) {
    return rewritten(bang, *grammar::Mailbox::parse(std::string(label, 'h') + "!u@gw.test"));
  };
  EXPECT_TRUE(at(grammar::domain_label_octets_max));
  EXPECT_FALSE(at(grammar::domain_label_octets_max + 1));
}

}  // namespace
}  // namespace route
