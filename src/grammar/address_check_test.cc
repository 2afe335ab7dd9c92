#include "grammar/address_check.h"

#include <gtest/gtest.h>

namespace grammar {
namespace {

TEST(AddressCheck, accepted) {
  const AddressCheck routed = check_address("<@a,@b:user@z>", false);
  EXPECT_TRUE(routed.valid);
  EXPECT_EQ(routed.route, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(routed.local, "user");
  EXPECT_EQ(routed.domain, "z");
  EXPECT_EQ(routed.error, "");

  EXPECT_EQ(check_address("<>", false), (AddressCheck{.valid = true}));
  EXPECT_EQ(check_address("<Postmaster>", false),
            (AddressCheck{.valid = true, .local = "Postmaster"}));
  EXPECT_EQ(check_address("<\"a b\"@[192.0.2.1]>", false),
            (AddressCheck{.valid = true, .local = "\"a b\"", .domain = "[192.0.2.1]"}));
  EXPECT_TRUE(check_address("<jos\xc3\xa9@a.example>", true).valid);
}

TEST(AddressCheck, refused_says_why_and_where) {
  EXPECT_EQ(check_address("<a..b@z>", false),
            (AddressCheck{.error = "an atom of the local-part is empty (at octet 3)"}));
  EXPECT_EQ(check_address("<jos\xc3\xa9@z>", false).error,
            "characters beyond ASCII need SMTPUTF8 (at octet 4)");
  EXPECT_EQ(check_address("<a@z> x", false).error, "there is text after the end (at octet 5)");
  EXPECT_EQ(check_address("a@z", false).error, "the path does not begin with < (at octet 0)");
  EXPECT_FALSE(check_address("", true).valid);
}

}  // namespace
}  // namespace grammar
