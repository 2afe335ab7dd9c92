#include "cli/arguments.h"

#include <gtest/gtest.h>

#include <sstream>

namespace cli {
namespace {

/// Split at spaces; `""` is an empty argument.
std::expected<Command, EarlyExit> parse(const std::string& line) {
  std::vector<std::string> arguments;
  std::istringstream in(line);
  for (std::string word; in >> word;) arguments.push_back(word == "\"\"" ? "" : word);
  return parse_arguments(arguments);
}

template <class Options>
Options parsed(const std::string& line) {
  const auto command = parse(line);
  EXPECT_TRUE(command.has_value()) << line << ": " << (command ? "" : command.error().text);
  EXPECT_TRUE(command && std::holds_alternative<Options>(*command)) << line;
  return command && std::holds_alternative<Options>(*command) ? std::get<Options>(*command)
                                                              : Options{};
}

TEST(arguments, config_may_stand_anywhere) {
  EXPECT_EQ(parsed<ServeOptions>("serve").config, "");
  EXPECT_EQ(parsed<ServeOptions>("serve --config f").config, "f");
  EXPECT_EQ(parsed<ServeOptions>("--config=f serve").config, "f");
  EXPECT_EQ(parsed<QueueListOptions>("--config f queue list --json").config, "f");
  EXPECT_EQ(parsed<QueueListOptions>("queue --config f list").config, "f");
  EXPECT_EQ(parsed<QueueListOptions>("queue list --config f").config, "f");
  EXPECT_EQ(parsed<QueueShowOptions>("queue show --config f 1m88kn0y0eb90").id, "1m88kn0y0eb90");
  EXPECT_EQ(parsed<QueueBodyOptions>("queue body 1m88kn0y0eb90 --config f").config, "f");
  EXPECT_TRUE(parsed<CheckOptions>("check --json --config f").json);
}

TEST(arguments, send_takes_one_recipient_each_time_and_then_a_file) {
  const auto options = parsed<SendOptions>(
      "send --server h:25 --from a@b --to c@d --to e@f m.eml --tls starttls --helo me --verbose");
  EXPECT_EQ(options.server, "h:25");
  EXPECT_EQ(options.from, "a@b");
  EXPECT_EQ(options.to, (std::vector<std::string>{"c@d", "e@f"}));
  EXPECT_EQ(options.file, "m.eml");
  EXPECT_EQ(options.tls, SendTls::starttls);
  EXPECT_EQ(options.helo, "me");
  EXPECT_TRUE(options.verbose);
}

TEST(arguments, the_null_reverse_path_may_be_empty) {
  const auto options = parsed<SendOptions>("send --server h:25 --from \"\" --to c@d");
  EXPECT_EQ(options.from, "");
  EXPECT_EQ(options.file, "");
  EXPECT_EQ(options.tls, SendTls::automatic);
}

TEST(arguments, actions_on_the_queue_keep_their_conditions) {
  const auto options = parsed<QueueActionOptions>("queue retry --id 1 --to z.test --dry-run");
  EXPECT_EQ(options.action, "retry");
  EXPECT_EQ(options.id, "1");
  EXPECT_EQ(options.to, "z.test");
  EXPECT_FALSE(options.from.has_value());
  EXPECT_FALSE(options.all);
  EXPECT_TRUE(options.dry_run);
  for (const std::string action : {"retry", "hold", "release", "bounce", "drop"}) {
    const auto all = parsed<QueueActionOptions>("queue " + action + " --all --config f");
    EXPECT_EQ(all.action, action);
    EXPECT_EQ(all.config, "f");
    EXPECT_TRUE(all.all);
  }
  EXPECT_EQ(parsed<QueueActionOptions>("queue reroute --from a@b --via smtp://c").via, "smtp://c");
}

TEST(arguments, accounts_and_routes) {
  EXPECT_EQ(parsed<UserAddOptions>("user add a@b --config f").address, "a@b");
  EXPECT_EQ(parsed<UserRemoveOptions>("--config f user remove a@b").config, "f");
  EXPECT_EQ(parsed<UserPasswdOptions>("user --config f passwd a@b").config, "f");
  EXPECT_TRUE(parsed<UserListOptions>("user list --json").json);
  const auto route = parsed<RouteOptions>("route <@r:a@b> --client 192.0.2.1 --sender <> --json");
  EXPECT_EQ(route.address, "<@r:a@b>");
  EXPECT_EQ(route.client, "192.0.2.1");
  EXPECT_EQ(route.sender, "<>");
  EXPECT_TRUE(route.json && route.user.empty());
  EXPECT_FALSE(parsed<RouteOptions>("route a@b").sender.has_value());
}

TEST(arguments, sendmail_has_a_syntax_of_its_own) {
  const auto options = parsed<SendmailOptions>("--config f sendmail -ti -fa@b c@d");
  EXPECT_EQ(options.config, "f");
  EXPECT_TRUE(options.recipients_from_header);
  EXPECT_EQ(options.from, "a@b");
  EXPECT_EQ(parsed<SendmailOptions>("sendmail --config f -bp").config, "f");
  EXPECT_EQ(parsed<SendmailOptions>("sendmail --config=f").config, "f");
}

TEST(arguments, the_others) {
  (void)parsed<CheckAddressOptions>("check-address");
  (void)parsed<UserHashOptions>("user hash");
  EXPECT_FALSE(parsed<DemoOptions>("demo").without_z);
  EXPECT_TRUE(parsed<DemoOptions>("demo --without-z").without_z);
}

TEST(arguments, lab) {
  const auto options = parsed<LabOptions>("lab f.toml --seed 7 --journeys all --json --svg p.svg");
  EXPECT_EQ(options.file, "f.toml");
  EXPECT_EQ(options.seed, 7u);
  EXPECT_EQ(options.journeys, "all");
  EXPECT_TRUE(options.json);
  EXPECT_EQ(options.svg, "p.svg");
  EXPECT_EQ(parsed<LabOptions>("lab f --journeys 0").journeys, "0");
  EXPECT_EQ(parsed<LabOptions>("lab f").seed, 1u);
}

struct EarlyCase {
  std::string_view name;
  std::string line;
  int status;
  std::string_view text;  ///< A part of it.
};

const EarlyCase early_cases[] = {
    {"version", "--version", 0, "posthaste "},
    {"help of all", "--help", 0, "serve"},
    {"help as a command", "help", 0, "check-address"},
    {"help of one as a command", "help queue retry", 0, "--dry-run"},
    {"help of none", "help hand", 2, "no such command"},
    {"help of one", "send --help", 0, "--password-file"},
    {"help of one below", "queue list --help", 0, "--json"},
    {"the hidden option is not shown", "demo --help", 0, "Usage"},
    {"no command", "", 2, "subcommand"},
    {"no such command", "sen", 2, "no such command: sen"},
    {"no such command, with options", "tracing 1 --json", 2, "no such command: tracing"},
    {"no such command below", "queue hand --all", 2, "no such command: hand"},
    {"half a command", "queue", 2, "subcommand"},
    {"no such option", "serve --jsn", 2, "--jsn"},
    {"option without a value", "serve --config", 2, "--config"},
    {"config where none is read", "demo --config f", 2, "--config"},
    {"config where none is read, in front", "--config f check-address", 2, "--config"},
    {"id missing", "queue show", 2, "ID"},
    {"one id too many", "queue show 1 2", 2, "2"},
    {"lab without a file", "lab --seed 1", 2, "FILE"},
    {"a seed that is none", "lab f --seed x", 2, "--seed"},
    {"a number of journeys that is none", "lab f --journeys -1", 2, "--journeys"},
    {"server missing", "send --from a@b --to c@d", 2, "--server"},
    {"from missing", "send --server h:1 --to c@d", 2, "--from"},
    {"to missing", "send --server h:1 --from a@b", 2, "--to"},
    {"two files", "send --server h:1 --from a@b --to c@d m n", 2, "n"},
    {"unknown tls", "send --server h:1 --from a@b --to c@d --tls on", 2, "--tls"},
    {"auth without password", "send --server h:1 --from a@b --to c@d --auth u", 2, "--auth"},
    {"password without user", "send --server h:1 --from a@b --to c@d --password-file f", 2,
     "--password-file"},
    {"auth without TLS",
     "send --server h:1 --from a@b --to c@d --tls off --auth u --password-file f", 2, "--auth"},
    {"ca without TLS", "send --server h:1 --from a@b --to c@d --tls off --ca f", 2, "--ca"},
    {"ca that nobody looks at", "send --server h:1 --from a@b --to c@d --ca f --insecure", 2,
     "--insecure"},
    {"retry of nothing", "queue retry", 2, "--all"},
    {"drop of nothing", "queue drop", 2, "--all"},
    {"reroute to nowhere", "queue reroute --all", 2, "--via"},
    {"via of others", "queue hold --all --via smtp://a", 2, "--via"},
    {"nobody to add", "user add", 2, "ADDRESS"},
    {"a password as an argument", "user add a@b secret", 2, "secret"},
    {"no address to explain", "route", 2, "ADDRESS"},
    {"help of sendmail", "sendmail --help", 0, "sendmail"},
    {"the daemon of sendmail", "sendmail -bd", 64, "-bd"},
    {"dry run of nothing", "queue retry --dry-run", 2, "--all"},
};

TEST(arguments, help_and_mistakes_end_early) {
  for (const EarlyCase& c : early_cases) {
    const auto command = parse(c.line);
    ASSERT_FALSE(command.has_value()) << c.name;
    EXPECT_EQ(command.error().status, c.status) << c.name;
    EXPECT_NE(command.error().text.find(c.text), std::string::npos)
        << c.name << ": " << command.error().text;
    EXPECT_EQ(command.error().text.find("--without-z"), std::string::npos) << c.name;
  }
}

}  // namespace
}  // namespace cli
