#include "reception/scram_accounts.h"

#include <gtest/gtest.h>

#include <set>

#include "crypto/secret.h"

namespace reception {
namespace {

crypto::PasswordHash hash_of(std::string_view password) {
  return crypto::PasswordHash::make(crypto::Secret(password), "0123456789abcdef",
                                    {.memory_kib = 64, .passes = 1, .lanes = 1})
      .value();
}

directory::User user(std::string_view address, bool has_password, unsigned iterations,
                     std::string_view salt = "0123456789abcdef") {
  directory::User out{.mailbox = grammar::Mailbox::parse(address).value(),
                      .password = std::nullopt,
                      .may_send_as = {}};
  if (has_password) out.password = hash_of("pw");
  if (iterations > 0)
    out.scram = crypto::make_scram_verifier(crypto::Secret("pw"), salt, iterations);
  return out;
}

ScramAccounts accounts(std::vector<directory::User> users) {
  directory::SnapshotParts parts;
  parts.domains = {{.name = grammar::Domain::parse("here.test").value(), .deliver = "discard:"}};
  parts.users = std::move(users);
  return ScramAccounts(std::make_shared<directory::Snapshot>(std::move(parts)));
}

TEST(ScramAccounts, finds_who_has_a_login_by_scram) {
  const ScramAccounts all =
      accounts({user("both@here.test", true, 4'096), user("plain@here.test", true, 0),
                user("scram@here.test", false, 4'096)});
  EXPECT_NE(all.find("Both@HERE.test").user, nullptr);
  EXPECT_EQ(all.find("plain@here.test").user, nullptr);
  EXPECT_EQ(all.find("scram@here.test").user, nullptr) << "no password: no login";
  EXPECT_EQ(all.find("nobody@here.test").user, nullptr);
  EXPECT_EQ(all.find("\xff").user, nullptr);
}

TEST(ScramAccounts, a_decoy_is_the_same_each_time_and_in_each_spelling) {
  const ScramAccounts one = accounts({user("a@here.test", true, 4'096)});
  const ScramAccounts again = accounts({user("a@here.test", true, 4'096)});
  const ScramAccounts other = accounts({user("a@here.test", true, 4'096, "another salt....")});
  const auto decoy = one.find("nobody@here.test").verifier;
  EXPECT_EQ(one.find("NOBODY@Here.Test").verifier, decoy);
  EXPECT_EQ(again.find("nobody@here.test").verifier, decoy);
  EXPECT_NE(other.find("nobody@here.test").verifier, decoy) << "its key is a secret of ours";
  EXPECT_NE(one.find("somebody@here.test").verifier.salt, decoy.salt);
}

TEST(ScramAccounts, a_decoy_looks_like_some_account) {
  const std::string long_salt(64, 's');
  const ScramAccounts all =
      accounts({user("a@here.test", true, 4'096), user("b@here.test", true, 5'000, long_salt)});
  std::set<std::pair<unsigned, std::size_t>> shapes;
  for (int i = 0; i < 100; ++i) {
    const auto decoy = all.find("n" + std::to_string(i) + "@here.test").verifier;
    shapes.emplace(decoy.iterations, decoy.salt.size());
    EXPECT_TRUE(crypto::ScramVerifier::parse(decoy.print()));
  }
  EXPECT_EQ(shapes, (std::set<std::pair<unsigned, std::size_t>>{{4'096, 16}, {5'000, 64}}));
}

TEST(ScramAccounts, there_are_decoys_without_any_account) {
  const auto decoy = accounts({}).find("a@here.test").verifier;
  EXPECT_TRUE(crypto::ScramVerifier::parse(decoy.print()));
}

}  // namespace
}  // namespace reception
