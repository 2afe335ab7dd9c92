#include <gtest/gtest.h>

#include <algorithm>

#include "config/config.h"

namespace config {
namespace {

const std::vector<SystemUser> machine = {
    {"root", 0},         {"toor", 0},      {"daemon", 1},      {"posthaste", 998},
    {"edge", 999},       {"alice", 1'000}, {"Bob", 1'001},     {"bob", 1'002},
    {"passing", 61'184}, {"last", 61'183}, {"nobody", 65'534}, {"ldap", 70'000},
};

std::expected<Config, std::vector<Mistake>> load_on_machine(const std::string& text) {
  return load(text, {.file_name = "f.toml",
                     .base_folder = "/etc",
                     .machine_name = "mx.example.org",
                     .questions = {.system_users = [] { return machine; }}});
}

const std::string base_text = R"(
[privileges]
user = "posthaste"
users = ["daemon"]
[[domain]]
name = "example.org"
users = "system"
deliver = "maildir:~/Maildir"
)";

std::vector<std::string> names_of(const Config& config) {
  std::vector<std::string> out;
  for (const directory::User& user : config.directory->users()) out.push_back(user.system_user);
  std::ranges::sort(out);
  return out;
}

bool warns_of(const Config& config, std::string_view words) {
  return std::ranges::any_of(
      config.warnings, [words](const std::string& warning) { return warning.contains(words); });
}

TEST(load_privileges, who_has_mail_on_the_machine) {
  const auto config = load_on_machine(base_text);
  ASSERT_TRUE(config.has_value()) << config.error().front().print();
  EXPECT_EQ(names_of(*config),
            (std::vector<std::string>{"Bob", "alice", "daemon", "last", "ldap"}));
  EXPECT_TRUE(warns_of(*config, "the system user bob has no mail"));
  EXPECT_TRUE(warns_of(*config, "postmaster@example.org: its mail waits"));
  EXPECT_TRUE(config->needs_other_users);
  EXPECT_EQ(config->privileges.user, "posthaste");
}

TEST(load_privileges, the_floor_at_it_and_one_below) {
  const Privileges privileges{.user = {}, .first_uid = 1'000, .users = {"daemon", "root"}};
  EXPECT_TRUE(may_have_mail(privileges, {"alice", 1'000}));
  EXPECT_FALSE(may_have_mail(privileges, {"edge", 999}));
  EXPECT_TRUE(may_have_mail(privileges, {"daemon", 1}));
  EXPECT_FALSE(may_have_mail(privileges, {"root", 0}));
  EXPECT_TRUE(may_have_mail(privileges, {"last", 61'183}));
  EXPECT_FALSE(may_have_mail(privileges, {"passing", 61'184}));
  EXPECT_FALSE(may_have_mail(privileges, {"nobody", 65'535}));
  EXPECT_TRUE(may_have_mail(privileges, {"ldap", 65'536}));
}

TEST(load_privileges, a_user_of_the_configuration_has_the_login_of_a_system_user) {
  const auto config = load_on_machine(base_text + R"(
[[user]]
address = "ALICE@example.org"
[[user]]
address = "stranger@example.org"
)");
  ASSERT_TRUE(config.has_value());
  const directory::User* alice = config->directory->find_user("alice@example.org");
  ASSERT_NE(alice, nullptr);
  EXPECT_EQ(alice->system_user, "alice");
  EXPECT_EQ(alice->mailbox.print(), "ALICE@example.org");
  EXPECT_EQ(config->directory->find_user("stranger@example.org"), nullptr);
  EXPECT_TRUE(warns_of(*config, "the user stranger@example.org does not count"));
}

TEST(load_privileges, programs_of_other_users) {
  const auto config = load_on_machine(R"(
[privileges]
user = "posthaste"
[[domain]]
name = "example.org"
recipients = "any"
deliver = "pipe:/bin/store {local}"
run_as = "daemon"
[[route]]
recipient = "*.uucp"
via = "pipe:/usr/bin/uux"
run_as = "alice"
)");
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->local_domains.begin()->second.run_as, "daemon");
  EXPECT_EQ(config->routes.rules().front().via.run_as, "alice");
  EXPECT_TRUE(config->needs_other_users);
}

struct BadCase {
  const char* name;
  std::string text;
  std::string want;  ///< How the first mistake begins, behind its place.
};

std::string domain(const std::string& rest) {
  return "[privileges]\nuser = \"posthaste\"\n[[domain]]\nname = \"a.test\"\n" + rest;
}

const BadCase bad_cases[] = {
    {"root", "[privileges]\nuser = \"root\"", "privileges.user: expected a user without"},
    {"root by another name", "[privileges]\nuser = \"toor\"", "privileges.user: expected a user"},
    {"nobody known", "[privileges]\nuser = \"x\"", "privileges.user: expected a system user"},
    {"no name", "[privileges]\nuser = \"a b\"", "privileges.user: expected the name of"},
    {"a number", "[privileges]\nfirst_uid = 0", "privileges.first_uid: expected a number"},
    {"root by name", "[privileges]\nusers = [\"root\"]", "privileges.users[1]: expected a user"},
    {"an unknown key", "[privileges]\nx = 1", "privileges.x: unknown key"},
    {"no user to become",
     "[[domain]]\nname = \"a.test\"\nusers = \"system\"\n"
     "deliver = \"maildir:~/M\"",
     "domain[1].users: expected [privileges] user"},
    {"a home elsewhere", domain("deliver = \"maildir:~/M\""),
     "domain[1].deliver: expected users = \"system\""},
    {"no home", domain("users = \"system\"\ndeliver = \"maildir:/M\""),
     "domain[1].deliver: expected a mailbox in the home"},
    {"the home itself", domain("users = \"system\"\ndeliver = \"maildir:~/\""),
     "domain[1].deliver: expected a path in the home"},
    {"above the home", domain("users = \"system\"\ndeliver = \"mbox:~/a/../../b\""),
     "domain[1].deliver: expected a path in the home"},
    {"a placeholder", domain("users = \"system\"\ndeliver = \"mbox:~/{local}\""),
     "domain[1].deliver: expected a path in the home"},
    {"everybody", domain("users = \"system\"\nrecipients = \"any\"\ndeliver = \"mbox:~/a\""),
     "domain[1].recipients: expected \"listed\""},
    {".forward", domain("users = \"system\"\nforward_files = true\ndeliver = \"mbox:~/a\""),
     "domain[1].forward_files: forward_files is not supported yet"},
    {"a mailbox of somebody", domain("run_as = \"alice\"\ndeliver = \"maildir:/M\""),
     "domain[1].run_as: expected pipe:"},
    {"a program of root", domain("run_as = \"root\"\ndeliver = \"pipe:/bin/x\""),
     "domain[1].run_as: expected a user without"},
    {"a route into a home", "[[route]]\nrecipient = \"*\"\nvia = \"maildir:~/M\"",
     "route[1].via: expected a path from /"},
};

TEST(load_privileges, mistakes_and_where_they_stand) {
  for (const BadCase& row : bad_cases) {
    const auto config = load_on_machine(row.text);
    ASSERT_FALSE(config.has_value()) << row.name;
    const Mistake& first = config.error().front();
    const std::string got = first.key + ": " + first.message;
    EXPECT_TRUE(got.starts_with(row.want)) << row.name << "\n  got:  " << got;
    EXPECT_NE(first.position.line, 0u) << row.name;
  }
}

}  // namespace
}  // namespace config
