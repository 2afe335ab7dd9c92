#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "config/config.h"

// [[route]]: logins, TLS, and tables in files of their own.
namespace config {
namespace {

using Rows = std::vector<TableRow>;
using Files = std::map<std::string, Rows>;

std::expected<Config, std::vector<Mistake>> load_with(std::string_view text,
                                                      const Files& files = {}) {
  const LoadQuestions questions{
      .table = [&](const std::string& path) -> std::expected<Rows, std::string> {
        const auto file = files.find(path);
        if (file == files.end()) return std::unexpected(path + ": no such file");
        return file->second;
      }};
  return load(text, {.file_name = "f.toml",
                     .base_folder = "/etc/p",
                     .machine_name = "mx.example.org",
                     .questions = questions});
}

std::string mistakes_in(std::string_view text, const Files& files = {}) {
  const auto config = load_with(text, files);
  if (config) return "none";
  std::string out;
  for (const Mistake& mistake : config.error()) out += mistake.print() + "\n";
  return out;
}

std::string route_with(std::string_view rest, std::string_view via = "smtp://h.example") {
  return "[[route]]\nrecipient = \"*\"\nvia = \"" + std::string(via) + "\"\n" + std::string(rest);
}

constexpr std::string_view auth = "auth = { user = \"u\", password_file = \"f\" }\n";

struct BadRoute {
  std::string_view name;
  std::string text;
  std::string_view want;  ///< The beginning, behind "f.toml:".
};

const BadRoute bad_routes[] = {
    {"TLS of another name", route_with("tls = \"always\""),
     "4:7: route[1].tls: expected one of \"off\", \"opportunistic\", \"require\", \"verify\""},
    {"a login without TLS", route_with(std::string(auth) + "tls = \"off\""),
     "5:7: route[1].tls: expected \"require\" or \"verify\" beside auth"},
    {"smtps without TLS", route_with("tls = \"off\"", "smtps://h"),
     "4:7: route[1].tls: expected \"require\" or \"verify\": smtps:// is TLS"},
    {"smtps with TLS perhaps", route_with("tls = \"opportunistic\"", "smtps://h"),
     "4:7: route[1].tls: expected \"require\" or \"verify\": smtps:// is TLS"},
    {"TLS to a mailbox", route_with("tls = \"verify\"", "maildir:/m"),
     "4:7: route[1].tls: expected a host or mx: as via"},
    {"TLS through a socket of this machine", route_with("tls = \"off\"", "lmtp:unix:/s"),
     "4:7: route[1].tls: expected a host or mx: as via"},
    {"two secrets",
     route_with("auth = { user = \"u\", password_file = \"f\", token_file = \"t\" }"),
     "4:8: route[1].auth: expected one of password_file, token_file and token_command"},
    {"a secret without a user", route_with("auth = { token_file = \"t\" }"),
     "4:8: route[1].auth.user: missing: "},
    {"a command that is no list", route_with("auth = { user = \"u\", token_command = \"get x\" }"),
     "4:38: route[1].auth.token_command: expected an array of strings"},
    {"an empty program", route_with("auth = { user = \"u\", token_command = [\"\", \"x\"] }"),
     "4:39: route[1].auth.token_command[1]: expected a program"},
    {"a lifetime of a file",
     route_with("auth = { user = \"u\", token_file = \"t\", token_lifetime = \"1h\" }"),
     "4:57: route[1].auth.token_lifetime: expected token_command beside it"},
    {"a lifetime of nothing",
     route_with("auth = { user = \"u\", token_command = [\"t\"], token_lifetime = \"0s\" }"),
     "4:62: route[1].auth.token_lifetime: expected a duration from \"1s\" to \"1d\""},
    {"a mechanism of passwords with a token",
     route_with("auth = { user = \"u\", token_file = \"t\", mechanism = \"PLAIN\" }"),
     "4:52: route[1].auth.mechanism: expected one of \"OAUTHBEARER\", \"XOAUTH2\" with a token"},
    {"a mechanism that nobody knows",
     route_with("auth = { user = \"u\", password_file = \"f\", mechanism = \"CRAM-MD5\" }"),
     "4:55: route[1].auth.mechanism: expected one of \"SCRAM-SHA-256\", \"PLAIN\", \"LOGIN\""},
    {"hosts of two schemes", route_with("", "smtp://a,smtps://b"),
     "3:7: route[1].via: expected smtp:// for all hosts, not \"smtps://b\""},
    {"a host twice", route_with("", "smtp://a,b,a:25"), "3:7: route[1].via: a:25 is named twice"},
    {"a table beside via", "[[route]]\ntable = \"t\"\nvia = \"mx:\"",
     "3:7: route[1].via: expected no recipient and no via beside table"},
    {"a table beside recipient", "[[route]]\ntable = \"t\"\nrecipient = \"*\"",
     "3:13: route[1].recipient: expected no recipient and no via beside table"},
    {"a table that is not there", "[[route]]\ntable = \"none\"",
     "2:9: route[1].table: /etc/p/none: no such file"},
};

TEST(load_route, mistakes_and_where_they_stand) {
  for (const BadRoute& row : bad_routes) {
    const std::string got = mistakes_in(row.text, {{"/etc/p/t", {}}});
    EXPECT_TRUE(got.starts_with("f.toml:" + std::string(row.want))) << row.name << ": " << got;
    EXPECT_EQ(std::ranges::count(got, '\n'), 1) << row.name << ": " << got;
  }
}

TEST(load_route, logins_of_all_kinds) {
  const auto login = [](std::string_view text) {
    const auto config = load_with(route_with(text));
    EXPECT_TRUE(config) << text;
    return *config->routes.rules().at(0).auth;
  };
  using route::RouteAuth;
  EXPECT_EQ(login(auth), (RouteAuth{.user = "u", .password_file = "/etc/p/f"}));
  EXPECT_EQ(
      login("auth = { user = \"u\", token_file = \"/t\", mechanism = \"XOAUTH2\" }"),
      (RouteAuth{.user = "u", .password_file = {}, .token_file = "/t", .mechanism = "XOAUTH2"}));
  EXPECT_EQ(login("auth = { user = \"u\", token_command = [\"bin/get\", \"-x\", \"\"], "
                  "token_lifetime = \"5m\" }"),
            (RouteAuth{.user = "u",
                       .password_file = {},
                       .token_command = {"/etc/p/bin/get", "-x", ""},
                       .token_lifetime = std::chrono::minutes(5)}));
  EXPECT_EQ(login("auth = { user = \"u\", token_command = [\"get\"] }").token_command,
            std::vector<std::string>{"get"});
}

TEST(load_route, tls_of_each_route) {
  const auto config =
      load_with(route_with("tls = \"verify\"", "mx:") + "\n" + route_with("tls = \"\"") + "\n" +
                route_with("tls = \"require\"", "smtps://h,i"));
  ASSERT_TRUE(config);
  const auto& rules = config->routes.rules();
  EXPECT_EQ(rules[0].tls, TlsPolicy::verify);
  EXPECT_EQ(rules[1].tls, std::nullopt);
  EXPECT_EQ(rules[2].tls, TlsPolicy::require);
  EXPECT_EQ(rules[2].via.hosts.size(), 2u);
}

TEST(load_route, a_login_that_can_never_be_is_warned_of) {
  const auto warnings = [](std::string_view more) {
    const auto config =
        load_with(route_with(std::string(auth) + std::string(more) + "[delivery]\ntls = \"off\""));
    EXPECT_TRUE(config) << more;
    return std::ranges::count_if(config->warnings, [](const std::string& warning) {
      return warning.find("waits for ever") != std::string::npos;
    });
  };
  EXPECT_EQ(warnings(""), 1);
  EXPECT_EQ(warnings("tls = \"require\"\n"), 0);
}

const std::string table = "[[route]]\ntable = \"t\"\n";

TEST(load_route, a_table_is_one_rule_with_many_rows) {
  const auto config =
      load_with(table + "lane = \"bulk\"\n[[route]]\nrecipient = \"*\"\nvia = \"discard:\"",
                {{"/etc/p/t",
                  {{"a.example", "smtp://g,h", 1},
                   {"bob@a.example", "maildir:mail/{local}", 2},
                   {"*.uucp", "mx:", 4}}}});
  ASSERT_TRUE(config);
  const auto via = [&](std::string_view recipient) {
    const auto match = config->routes.find(grammar::Mailbox::parse(recipient).value(), false);
    return match ? match->rule->lane + " " + match->via->print() : "";
  };
  EXPECT_EQ(via("ann@a.example"), "bulk smtp://g:25,h:25");
  EXPECT_EQ(via("Bob@a.example"), "bulk maildir:/etc/p/mail/{local}");
  EXPECT_EQ(via("x@b.uucp"), "bulk mx:");
  EXPECT_EQ(via("x@b.example"), " discard:");
}

TEST(load_route, all_mistakes_of_a_table_are_told_with_its_lines) {
  const std::string got = mistakes_in(table + "auth = { user = \"u\", password_file = \"f\" }",
                                      {{"/etc/p/t",
                                        {{"a.example", "smtp://g", 1},
                                         {"a@b@c", "smtp://g", 2},
                                         {"b.example", "nowhere", 3},
                                         {"A.example", "smtp://h", 7},
                                         {"c.example", "discard:", 8},
                                         {"d.example", "maildir:/{x}", 9}}}});
  EXPECT_EQ(got,
            "/etc/p/t:2: \"a@b@c\" is no address: there is text after the end\n"
            "/etc/p/t:3: expected smtp://, smtps://, lmtp:, pipe:, maildir:, mbox:, discard:, mx: "
            "or reject:, not \"nowhere\"\n"
            "/etc/p/t:7: A.example has a row already, in line 1\n"
            "/etc/p/t:8: auth: expected smtp://, smtps:// or lmtp:HOST as via: nobody logs in at "
            "discard:\n"
            "/etc/p/t:9: expected {domain} or {local}, found \"{x}\"\n");
}

TEST(load_route, of_very_many_mistakes_in_a_table_the_first_are_told) {
  Rows rows;
  for (std::size_t i = 1; i <= 150; ++i) rows.push_back({"a.example", "nowhere", i});
  const std::string got = mistakes_in(table, {{"/etc/p/t", rows}});
  EXPECT_EQ(std::ranges::count(got, '\n'), 101);
  EXPECT_TRUE(got.starts_with("/etc/p/t: 50 more mistakes\n")) << got;
}

TEST(load_route, rows_that_take_mail_of_ours_elsewhere_are_named) {
  Rows rows = {{"our.example", "discard:", 1}};
  for (std::size_t i = 0; i < 25; ++i) {
    rows.push_back({"u" + std::to_string(i) + "@our.example", "smtp://g", i + 2});
  }
  const auto config = load_with(
      "[[domain]]\nname = \"our.example\"\ndeliver = \"discard:\"\n" + table, {{"/etc/p/t", rows}});
  ASSERT_TRUE(config);
  const auto count = [&](std::string_view text) {
    return std::ranges::count_if(config->warnings, [&](const std::string& warning) {
      return warning.find(text) != std::string::npos;
    });
  };
  EXPECT_EQ(count("which goes on to smtp://g:25, without authentication"), 20);
  EXPECT_EQ(count("/etc/p/t: 5 more rows that take mail of a [[domain]] elsewhere"), 1);
}

TEST(load_route, a_table_of_100000_rows) {
  Rows rows;
  for (std::size_t i = 1; i <= 100'000; ++i) {
    rows.push_back({"d" + std::to_string(i) + ".example", "smtp://g" + std::to_string(i % 7), i});
  }
  const auto config = load_with(table, {{"/etc/p/t", rows}});
  ASSERT_TRUE(config);
  const route::Rows& read = *config->routes.rules().at(0).table;
  EXPECT_EQ(read.size(), 100'000u);
  EXPECT_EQ(read.targets().size(), 7u);
}

}  // namespace
}  // namespace config
