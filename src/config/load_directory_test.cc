#include <gtest/gtest.h>

#include <algorithm>

#include "config/config.h"

// What a file says about addresses and routes, beside its mistakes; and what load() asks others.
namespace config {
namespace {

using Loaded = std::expected<Config, std::vector<Mistake>>;

Loaded load_text(std::string_view text, LoadQuestions questions = {}) {
  return load(text, {.file_name = "f.toml",
                     .base_folder = "/etc/ph",
                     .machine_name = "host.example",
                     .questions = std::move(questions)});
}

std::string mistakes_of(const Loaded& result) {
  if (result) return "none";
  std::string out;
  for (const Mistake& mistake : result.error()) out += mistake.print() + "\n";
  return out;
}

grammar::Mailbox mailbox(std::string_view text) { return *grammar::Mailbox::parse(text); }

/// Warnings, but that nothing listens.
std::vector<std::string> warnings_of(const Loaded& result) {
  std::vector<std::string> out = result ? result->warnings : std::vector<std::string>();
  std::erase(out, "there is no [[listener]]: no mail comes in by SMTP");
  return out;
}

constexpr std::string_view full = R"(
[[listener]]
address = "unix:/run/lmtp"
role = "lmtp"
[[listener]]
address = "unix:/run/submission"
role = "submission"
[[listener]]
address = "[::1]:24"
role = "lmtp"
[[domain]]
name = "a.example"
deliver = "mbox:mail/{domain}/{local}"
catch_all = "ann"
[[domain]]
name = "b.example"
deliver = "lmtp:unix:/run/dovecot/lmtp"
recipients = "ask"
[[domain]]
name = "c.example"
deliver = "pipe:bin/filter -f {sender} {recipient}"
catch_all = "Ann@a.example"
[[domain]]
name = "d.example"
deliver = "lmtp:lmtp.example"
[[user]]
address = "Ann@a.example"
scram = "SCRAM-SHA-256$4096:c2FsdHNhbHQ=$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
[[alias]]
address = "postmaster@a.example"
to = ["ann@a.example"]
[[alias]]
address = "ann@a.example"
to = ["ann@a.example", "ann@elsewhere.example"]
[[route]]
sender = "*.a.example"
via = "smtps://smart.example"
lane = "bulk-1.x_Y"
auth = { user = "relay", password_file = "secret/password" }
[[route]]
recipient = "x.example"
network = "10.0.0.0/8"
user = "ann@a.example"
via = "pipe:cat {local}"
[[route]]
recipient = "y.example"
sender = "<>"
via = "mbox:/var/{local}"
[[route]]
recipient = "z.example"
via = "reject:It has moved away"
[[route]]
recipient = "w.example"
via = "mx:"
lane = "slow"
[queue]
warn_after = "1h"
[admin]
address = "[::]:9000"
)";

TEST(load, a_file_with_all_kinds_of_addresses) {
  const Loaded config = load_text(full);
  ASSERT_TRUE(config.has_value()) << mistakes_of(config);
  ASSERT_EQ(config->listeners.size(), 3u);
  EXPECT_EQ(config->listeners[0].unix_path, "/run/lmtp");
  EXPECT_EQ(config->listeners[0].role, policy::ListenerRole::lmtp);
  EXPECT_EQ(config->listeners[1].role, policy::ListenerRole::submission);
  EXPECT_EQ(config->listeners[2].address.to_string(), "[::1]:24");
  EXPECT_EQ(config->queue.warn_after, std::optional<base::Duration>(std::chrono::hours(1)));
  EXPECT_EQ(config->admin.address->to_string(), "[::]:9000");

  const directory::Snapshot& directory = *config->directory;
  ASSERT_EQ(directory.domains().size(), 4u);
  EXPECT_EQ(directory.domains()[0].deliver, "mbox:/etc/ph/mail/{domain}/{local}");
  EXPECT_EQ(directory.domains()[1].deliver, "lmtp:unix:/run/dovecot/lmtp");
  EXPECT_EQ(directory.domains()[1].recipients, directory::Recipients::ask);
  EXPECT_EQ(directory.domains()[2].deliver, "pipe:/etc/ph/bin/filter -f {sender} {recipient}");
  EXPECT_EQ(directory.domains()[3].deliver, "lmtp:lmtp.example:24");
  EXPECT_TRUE(directory.has_scram());
  const auto caught = directory.expand(mailbox("nobody@c.example"));
  ASSERT_EQ(caught.targets.size(), 2u);
  EXPECT_EQ(caught.targets[0].mailbox.print(), "Ann@a.example");
  EXPECT_EQ(caught.targets[1].mailbox.print(), "ann@elsewhere.example");
}

TEST(load, routes_with_conditions) {
  const Loaded config = load_text(full);
  ASSERT_TRUE(config.has_value());
  const std::vector<route::Rule>& rules = config->routes.rules();
  ASSERT_EQ(rules.size(), 5u);
  EXPECT_EQ(rules[0].recipient.print(), "*");
  EXPECT_EQ(rules[0].sender->print(), "*.a.example");
  EXPECT_EQ(rules[0].lane, "bulk-1.x_Y");
  EXPECT_EQ(*rules[0].auth, (route::RouteAuth{"relay", "/etc/ph/secret/password"}));
  EXPECT_EQ(rules[1].network->to_string(), "10.0.0.0/8");
  EXPECT_EQ(rules[1].user->name, "ann@a.example");
  EXPECT_EQ(rules[1].via.print(), "pipe:cat {local}");
  EXPECT_TRUE(rules[2].sender->null);
  EXPECT_EQ(rules[3].via.argument, "It has moved away");
  EXPECT_EQ(rules[4].via.scheme, route::Scheme::mx);
  ASSERT_EQ(config->files.size(), 1u);
  EXPECT_EQ(config->files[0].key, "route[1].auth.password_file");
  EXPECT_EQ(config->files[0].path, "/etc/ph/secret/password");
}

TEST(load, lists_by_name_what_leaves_and_what_is_missing) {
  const std::vector<std::string> want = {
      "no user or alias has the address postmaster@b.example: its mail goes into a mailbox of that "
      "name",
      "no user or alias has the address postmaster@c.example: its mail goes into a mailbox of that "
      "name",
      "no user or alias has the address postmaster@d.example: its mail goes into a mailbox of that "
      "name",
      "anyone may send to d.example, which goes on to lmtp:lmtp.example:24, without "
      "authentication",
      "anyone may send to ann@a.example, which goes on to ann@elsewhere.example, without "
      "authentication",
      "admin.address: whoever reaches [::]:9000 sees the figures of this server without a login",
  };
  EXPECT_EQ(warnings_of(load_text(full)), want);
  EXPECT_EQ(warnings_of(load_text(R"(
[[domain]]
name = "a.example"
deliver = "lmtp:127.0.0.1"
catch_all = "nobody"
[[user]]
address = "PostMaster@A.example"
[[alias]]
address = "x@a.example"
to = ["gone@a.example", "postmaster@a.example"]
[[route]]
recipient = "x@a.example"
via = "smtp://h.example"
[[route]]
recipient = "a.example"
user = "*"
via = "lmtp:h.example"
auth = { user = "u", password_file = "f" }
[delivery]
tls = "off"
)")),
            (std::vector<std::string>{
                "catch_all of a.example: there is no nobody@a.example",
                // Who is caught by catch_all is not reached by name.
                "alias x@a.example: there is no gone@a.example",
                "anyone may send to x@a.example, which goes on to smtp://h.example:25, without "
                "authentication",
                "delivery.tls is \"off\": mail by way of lmtp:h.example:24 waits for ever, for "
                "nobody logs in without TLS",
                "anyone may send to a.example, which goes on to lmtp:h.example:24, without "
                "authentication",
            }));
}

TEST(load, names_missing_files_beside_all_other_mistakes) {
  constexpr std::string_view text = R"(hostname = 1
[tls]
certificate = "cert.pem"
key = "/k/key.pem"
[[route]]
recipient = "*"
via = "smtp://h"
auth = { user = "u", password_file = "p" }
[queue]
expire = "soon"
)";
  const auto nothing = [](const std::string&) { return false; };
  EXPECT_EQ(mistakes_of(load_text(text, {.is_readable = nothing})),
            "f.toml:1:12: hostname: expected a string, found an integer\n"
            "f.toml:3:15: tls.certificate: expected a readable file, found none at "
            "/etc/ph/cert.pem\n"
            "f.toml:4:7: tls.key: expected a readable file, found none at /k/key.pem\n"
            "f.toml:8:38: route[1].auth.password_file: expected a readable file, found none at "
            "/etc/ph/p\n"
            "f.toml:10:10: queue.expire: expected a duration such as \"30s\", \"15m\", \"4h\" or "
            "\"5d\", found \"soon\"\n");
}

TEST(load, judges_the_certificate_when_its_files_are_there) {
  constexpr std::string_view text = "[tls]\ncertificate = \"c\"\nkey = \"k\"\n";
  const auto problem = [](const Tls& tls) { return tls.certificate + " and " + tls.key; };
  const auto is_there = [](const std::string& path) { return path == "/etc/ph/c"; };
  EXPECT_EQ(mistakes_of(load_text(text, {.certificate_problem = problem})),
            "f.toml:2:15: tls.certificate: /etc/ph/c and /etc/ph/k\n");
  EXPECT_EQ(mistakes_of(load_text(text, {.is_readable = is_there, .certificate_problem = problem})),
            "f.toml:3:7: tls.key: expected a readable file, found none at /etc/ph/k\n");
  EXPECT_EQ(mistakes_of(load_text(text, {.certificate_problem = [](const Tls&) { return ""; }})),
            "none");
}

TEST(load, warns_of_a_program_that_cannot_run) {
  const Loaded config = load_text(
      "[[route]]\nrecipient = \"*\"\nvia = \"pipe:/bin/gone x\"\n"
      "[[route]]\nrecipient = \"*\"\nvia = \"pipe:gone x\"\n",
      {.is_executable = [](const std::string&) { return false; }});
  EXPECT_EQ(warnings_of(config), std::vector<std::string>{"route[1].via: /bin/gone is no program "
                                                          "that we may run: its mail waits"});
}

TEST(load, a_program_needs_a_folder_without_spaces) {
  const auto load_in = [](std::string_view folder, std::string_view program) {
    return load("[[route]]\nrecipient = \"*\"\nvia = \"pipe:" + std::string(program) + "\"",
                {.file_name = "f", .base_folder = std::string(folder), .machine_name = "h"});
  };
  EXPECT_FALSE(load_in("/my folder", "bin/x").has_value());
  EXPECT_TRUE(load_in("/my folder", "x").has_value());
  EXPECT_EQ(load_in("/my folder", "  /bin/x  y ")->routes.rules()[0].via.argument, "/bin/x  y ");
}

LoadQuestions with_accounts(std::vector<std::string> addresses) {
  return {.accounts = [addresses](const std::string& data_dir)
              -> std::expected<std::vector<directory::User>, std::string> {
    if (data_dir != "/etc/ph/state") return std::unexpected("another folder: " + data_dir);
    std::vector<directory::User> out;
    for (const std::string& address : addresses) {
      out.push_back({.mailbox = mailbox(address), .password = {}, .may_send_as = {}});
    }
    return out;
  }};
}

constexpr std::string_view with_state = R"(data_dir = "state"
[[domain]]
name = "a.example"
deliver = "discard:"
[[user]]
address = "ann@a.example"
[[alias]]
address = "bob@a.example"
to = ["bob@a.example"]
)";

TEST(load, accounts_stand_beside_the_users_of_the_file) {
  const Loaded config = load_text(
      with_state,
      with_accounts({"Bob@a.example", "PostMaster@a.example", "ANN@a.example", "x@gone.example"}));
  ASSERT_TRUE(config.has_value()) << mistakes_of(config);
  EXPECT_EQ(config->directory->users().size(), 3u);
  EXPECT_EQ(config->directory->expand(mailbox("bob@a.example")).targets[0].mailbox.print(),
            "Bob@a.example");
  EXPECT_EQ(warnings_of(config),
            (std::vector<std::string>{
                "the account ANN@a.example does not count: a [[user]] has the address",
                "the account x@gone.example does not count: its domain is no [[domain]]"}));
}

TEST(load, a_loop_is_a_mistake_when_no_account_is_its_mailbox) {
  EXPECT_EQ(mistakes_of(load_text(with_state)), "none");
  EXPECT_EQ(mistakes_of(load_text(with_state, with_accounts({}))),
            "f.toml:8:11: alias[1].address: expected an alias that leads to a mailbox: "
            "bob@a.example is a loop, it leads only back to itself\n");
}

TEST(load, accounts_that_cannot_be_read_are_a_mistake_of_the_data_folder) {
  EXPECT_EQ(mistakes_of(load_text("data_dir = \"other\"", with_accounts({}))),
            "f.toml:1:12: data_dir: another folder: /etc/ph/other\n");
}

}  // namespace
}  // namespace config
