#include "broker/rules.h"

#include <gtest/gtest.h>

#include "delivery/home_arguments.h"

namespace broker {
namespace {

constexpr std::string_view text = R"(
hostname = "mx.example.org"
[privileges]
user = "posthaste"
users = ["www-data"]
[[listener]]
address = "0.0.0.0:25"
[[listener]]
address = "unix:/run/lmtp"
role = "lmtp"
[tls]
certificate = "/etc/cert.pem"
key = "/etc/key.pem"
[admin]
address = "127.0.0.1:80"
[log]
file = "/var/log/mail"
[[domain]]
name = "example.org"
users = "system"
deliver = "maildir:~/Maildir"
[[domain]]
name = "example.com"
recipients = "any"
deliver = "pipe:/bin/store --to={local}@{domain} {sender}"
run_as = "vmail"
[[domain]]
name = "example.net"
recipients = "any"
deliver = "pipe:/bin/ours {local}"
)";

Rules rules() {
  const auto config = config::load(text, {.file_name = "test"});
  if (!config) throw std::runtime_error(config.error().front().print());
  return Rules(*config);
}

StartRun store(std::vector<std::string> arguments) {
  return {.user = "vmail", .arguments = std::move(arguments), .environment = {"SENDER=x"}};
}

StartRun home(const std::string& target) {
  const delivery::HomeArguments arguments{
      .target = target, .name = "a.b", .separator = "From x y\n"};
  return {.user = "alice", .into_home = true, .arguments = delivery::home_arguments(arguments)};
}

TEST(rules, listeners_of_the_configuration_alone) {
  const Rules all = rules();
  EXPECT_TRUE(all.may_listen(*base::Endpoint::parse("0.0.0.0:25")));
  EXPECT_TRUE(all.may_listen(*base::Endpoint::parse("127.0.0.1:80")));
  EXPECT_FALSE(all.may_listen(*base::Endpoint::parse("127.0.0.1:25")));
  EXPECT_FALSE(all.may_listen(*base::Endpoint::parse("0.0.0.0:26")));
  EXPECT_FALSE(all.may_listen({}));
}

TEST(rules, files_of_the_configuration_alone) {
  const Rules all = rules();
  EXPECT_TRUE(all.may_open("/etc/cert.pem"));
  EXPECT_TRUE(all.may_open("/etc/key.pem"));
  EXPECT_FALSE(all.may_open("/etc/shadow"));
  EXPECT_FALSE(all.may_open("/etc/../etc/key.pem"));
  EXPECT_FALSE(all.may_open("/var/log/mail"));
  EXPECT_FALSE(all.may_open(""));
  EXPECT_TRUE(all.may_log("/var/log/mail"));
  EXPECT_FALSE(all.may_log("/etc/key.pem"));
  EXPECT_FALSE(all.may_log(""));
}

struct RunCase {
  const char* name;
  StartRun run;
  bool may;
};

TEST(rules, programs_of_the_configuration_alone) {
  StartRun as_root = store({"/bin/store", "--to=a@b", ""});
  as_root.user = "root";
  StartRun as_other = store({"/bin/store", "--to=a@b", ""});
  as_other.user = "alice";
  StartRun preloads = store({"/bin/store", "--to=a@b", ""});
  preloads.environment = {"LD_PRELOAD=/tmp/x"};
  StartRun other_home = home("maildir:~/.ssh");
  StartRun mbox_home = home("mbox:~/Maildir");
  StartRun with_environment = home("maildir:~/Maildir");
  with_environment.environment = {"SENDER=x"};
  StartRun as_if_home = store({"/bin/store", "--to=a@b", ""});
  as_if_home.into_home = true;
  const RunCase cases[] = {
      {"as configured", store({"/bin/store", "--to=a@b", ""}), true},
      {"values with anything", store({"/bin/store", "--to=; rm@@ {local}", "-x y"}), true},
      {"another program", store({"/bin/sh", "--to=a@b", ""}), false},
      {"one argument more", store({"/bin/store", "--to=a@b", "", "x"}), false},
      {"one argument less", store({"/bin/store", "--to=a@b"}), false},
      {"another option", store({"/bin/store", "--as=a@b", ""}), false},
      {"what stands between is missing", store({"/bin/store", "--to=ab", ""}), false},
      {"as root", as_root, false},
      {"as somebody else", as_other, false},
      {"with a variable of its own", preloads, false},
      {"a program of ours, as another", {.user = "vmail", .arguments = {"/bin/ours", "x"}}, false},
      {"a program of ours, as nobody", {.user = "", .arguments = {"/bin/ours", "x"}}, false},
      {"a home", home("maildir:~/Maildir"), true},
      {"another place in the home", other_home, false},
      {"another kind of mailbox", mbox_home, false},
      {"a home with an environment", with_environment, false},
      {"a program in a home", as_if_home, false},
  };
  const Rules all = rules();
  for (const RunCase& row : cases) EXPECT_EQ(all.may_run(row.run), row.may) << row.name;
}

struct FilledCase {
  std::string_view pattern, argument;
  bool is;
};

TEST(rules, patterns_and_what_fills_them) {
  const FilledCase cases[] = {
      {"", "", true},
      {"", "x", false},
      {"a", "a", true},
      {"a", "b", false},
      {"a", "ab", false},
      {"ab", "a", false},
      {"{local}", "", true},
      {"{local}", "anything at all", true},
      {"{other}", "x", false},
      {"{other}", "{other}", true},
      {"{local}@{domain}", "a@b", true},
      {"{local}@{domain}", "a@b@c", true},
      {"{local}@{domain}", "ab", false},
      {"-{sender}-", "--", true},
      {"-{sender}-", "-", false},
      {"-{sender}-", "-x-y-", true},
      {"x{local}{domain}y", "xy", true},
      {"x{local}{domain}y", "xzy", true},
      {"x{local}{domain}y", "xyz", false},
  };
  for (const FilledCase& row : cases) {
    EXPECT_EQ(is_filled_in(row.pattern, row.argument), row.is)
        << row.pattern << " " << row.argument;
  }
}

}  // namespace
}  // namespace broker
