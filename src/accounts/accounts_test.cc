#include "accounts/accounts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "crypto/secret.h"

namespace accounts {
namespace {

constexpr crypto::Argon2Costs cheap = {.memory_kib = 64, .passes = 1, .lanes = 1};

grammar::Mailbox mailbox(std::string_view text) { return *grammar::Mailbox::parse(text); }

directory::User user(std::string_view address, std::string_view password) {
  const crypto::Secret secret(password);
  return {.mailbox = mailbox(address),
          .password = crypto::PasswordHash::make(secret, "salt of 16 octets", cheap),
          .may_send_as = {},
          .scram = crypto::make_scram_verifier(secret, "salt of 16 octets", 4'096)};
}

class AccountsTest : public ::testing::Test {
 protected:
  AccountsTest() {
    std::string name = std::filesystem::temp_directory_path() / "accountsXXXXXX";
    folder_ = ::mkdtemp(name.data());
    path_ = path_in(folder_);
  }
  ~AccountsTest() override { std::filesystem::remove_all(folder_); }

  /// The addresses, or the error.
  std::string listed() {
    const auto users = load(path_);
    if (!users) return users.error().text;
    std::string out;
    for (const auto& one : *users) out += one.mailbox.print() + ' ';
    return out;
  }

  std::string folder_;
  std::string path_;
};

std::string code(const Result<>& result) {
  if (result) return "done";
  switch (result.error().code) {
    case ErrorCode::exists: return "exists";
    case ErrorCode::missing: return "missing";
    case ErrorCode::failed: return "failed";
  }
  return "?";
}

bool knows(const directory::User& user, std::string_view password) {
  return user.password->verify(crypto::Secret(password)) == crypto::PasswordVerdict::right;
}

TEST_F(AccountsTest, without_a_file_there_are_none_and_none_is_made) {
  EXPECT_EQ(listed(), "");
  EXPECT_EQ(code(change(path_, user("a@b.example", "x"))), "missing");
  EXPECT_EQ(code(remove(path_, mailbox("a@b.example"))), "missing");
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
  EXPECT_TRUE(load(path_in(folder_ + "/gone"))->empty());
  EXPECT_EQ(code(add(path_in(folder_ + "/gone"), user("a@b.example", "x"))), "failed");
}

TEST_F(AccountsTest, accounts_come_and_go) {
  EXPECT_EQ(code(add(path_, user("Bob@b.example", "one"))), "done");
  EXPECT_EQ(code(add(path_, user("ann@M\u00fcnchen.example", "two"))), "done");
  EXPECT_EQ(code(add(path_, user("\"two words\"@b.example", "three"))), "done");
  EXPECT_EQ(listed(), "ann@M\u00fcnchen.example Bob@b.example \"two words\"@b.example ");
  EXPECT_EQ(code(remove(path_, mailbox("ANN@xn--mnchen-3ya.example"))), "done");
  EXPECT_EQ(code(remove(path_, mailbox("ann@m\u00fcnchen.example"))), "missing");
  EXPECT_EQ(listed(), "Bob@b.example \"two words\"@b.example ");
}

TEST_F(AccountsTest, an_address_has_one_account_in_any_spelling) {
  EXPECT_EQ(code(add(path_, user("Bob@b.example", "one"))), "done");
  for (const std::string_view again : {"Bob@b.example", "BOB@B.example", "\"bob\"@b.example"}) {
    EXPECT_EQ(code(add(path_, user(again, "two"))), "exists") << again;
  }
  EXPECT_TRUE(knows(load(path_)->front(), "one"));
}

TEST_F(AccountsTest, a_change_keeps_the_spelling_and_replaces_all_verifiers) {
  EXPECT_EQ(code(add(path_, user("Bob@b.example", "one"))), "done");
  directory::User changed = user("bob@b.example", "two");
  changed.scram.reset();
  EXPECT_EQ(code(change(path_, changed)), "done");
  EXPECT_EQ(code(change(path_, user("ann@b.example", "two"))), "missing");
  const auto users = load(path_);
  ASSERT_EQ(users->size(), 1u);
  EXPECT_EQ(users->front().mailbox.print(), "Bob@b.example");
  EXPECT_TRUE(knows(users->front(), "two"));
  EXPECT_FALSE(knows(users->front(), "one"));
  EXPECT_FALSE(users->front().scram.has_value());
}

TEST_F(AccountsTest, verifiers_come_back_as_they_were) {
  const directory::User bob = user("bob@b.example", "one");
  EXPECT_EQ(code(add(path_, bob)), "done");
  const auto users = load(path_);
  ASSERT_EQ(users->size(), 1u);
  EXPECT_EQ(users->front().password->encode(), bob.password->encode());
  EXPECT_EQ(users->front().scram, bob.scram);
}

TEST_F(AccountsTest, the_file_is_its_owners_and_holds_no_password) {
  EXPECT_EQ(code(add(path_, user("bob@b.example", "a secret of bob"))), "done");
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    ++files;
    struct stat status{};
    ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600u);
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    EXPECT_EQ(text.str().find("a secret of bob"), std::string::npos);
    EXPECT_NE(text.str().find("$argon2id$"), std::string::npos);
    EXPECT_NE(text.str().find("SCRAM-SHA-256$"), std::string::npos);
  }
  EXPECT_EQ(files, 1u) << "nothing is left beside the file";
}

TEST_F(AccountsTest, a_file_that_was_made_and_not_filled_has_no_accounts) {
  std::ofstream(path_).close();
  EXPECT_EQ(listed(), "");
  EXPECT_EQ(code(add(path_, user("bob@b.example", "one"))), "done");
  EXPECT_EQ(listed(), "bob@b.example ");
}

TEST_F(AccountsTest, damage_is_an_error_as_a_whole) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(code(add(path_, user("u" + std::to_string(i) + "@b.example", "x"))), "done");
  }
  std::stringstream whole;
  whole << std::ifstream(path_, std::ios::binary).rdbuf();
  const std::string octets = whole.str();
  const auto write = [&](std::string_view content) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << content;
  };

  write("not a database at all, but long enough to be one perhaps");
  EXPECT_NE(listed().find(path_ + ": file is not a database"), std::string::npos) << listed();
  EXPECT_EQ(code(add(path_, user("new@b.example", "x"))), "failed");
  write(octets.substr(0, octets.size() / 2));
  EXPECT_EQ(listed().find('@'), std::string::npos) << listed();
  std::string changed = octets;
  changed.replace(changed.find("$argon2id$"), 10, "$argon2xx$");
  write(changed);
  EXPECT_NE(listed().find("@b.example: its password is damaged: "), std::string::npos) << listed();
  write(octets);
  EXPECT_EQ(load(path_)->size(), 20u);
}

TEST_F(AccountsTest, any_octet_may_be_wrong) {
  ASSERT_EQ(code(add(path_, user("bob@b.example", "x"))), "done");
  std::stringstream whole;
  whole << std::ifstream(path_, std::ios::binary).rdbuf();
  const std::string octets = whole.str();
  for (std::size_t at = 0; at < octets.size(); at += 61) {
    std::string changed = octets;
    changed[at] = static_cast<char>(~changed[at]);
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << changed;
    const auto users = load(path_);  // Some error, or accounts that are well-formed.
    if (users) EXPECT_LE(users->size(), 1u) << at;
  }
}

TEST_F(AccountsTest, a_later_format_is_refused) {
  ASSERT_EQ(code(add(path_, user("bob@b.example", "x"))), "done");
  std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(60);  // user_version, in the head of every SQLite file.
  file.write("\0\0\0\2", 4);
  file.close();
  EXPECT_NE(listed().find("its format is version 2, we know version 1"), std::string::npos);
  EXPECT_EQ(code(add(path_, user("ann@b.example", "x"))), "failed");
}

}  // namespace
}  // namespace accounts
