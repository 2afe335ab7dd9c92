#include <gtest/gtest.h>

#include "config/config.h"

namespace config {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view hash = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg";

std::expected<Config, std::vector<Mistake>> load_text(std::string_view text) {
  return load(text,
              {.file_name = "f.toml", .base_folder = "/etc/ph", .machine_name = "host.example"});
}

/// All mistakes, one a line.
std::string mistakes_in(std::string_view text) {
  const auto result = load_text(text);
  if (result) return "none";
  std::string out;
  for (const Mistake& mistake : result.error()) out += mistake.print() + "\n";
  return out;
}

/// `[[user]]` blocks need a domain.
std::string with_domain(std::string_view rest) {
  return "[[domain]]\nname = \"a.example\"\ndeliver = \"discard:\"\n" + std::string(rest);
}

TEST(load, an_empty_file_gives_the_defaults) {
  const auto config = load_text("");
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->hostname, "host.example");
  EXPECT_EQ(config->data_dir, "/var/lib/posthaste");
  EXPECT_TRUE(config->listeners.empty());
  EXPECT_TRUE(config->tls.certificate.empty());
  EXPECT_TRUE(config->dns.servers.empty());
  EXPECT_EQ(config->dns.timeout, 5s);
  EXPECT_TRUE(config->relay.networks.empty());
  EXPECT_TRUE(config->relay.domains.empty());
  EXPECT_EQ(config->relay.source_routes, policy::SourceRoutes::strip);
  EXPECT_EQ(config->limits.message_size, 50u << 20);
  EXPECT_EQ(config->limits.recipients, 1000u);
  EXPECT_EQ(config->limits.sessions, 10'000u);
  EXPECT_EQ(config->limits.sessions_per_client, 100u);
  EXPECT_EQ(config->limits.idle_timeout, 5min);
  EXPECT_EQ(config->delivery.port, 25);
  EXPECT_EQ(config->delivery.helo, "host.example");
  EXPECT_EQ(config->delivery.refuse_networks.size(), 8u);
  EXPECT_EQ(config->delivery.tls, TlsPolicy::opportunistic);
  EXPECT_EQ(config->delivery.connections_per_host, 20u);
  EXPECT_EQ(config->delivery.messages_per_connection, 100u);
  EXPECT_EQ(config->queue.retry,
            (std::vector<base::Duration>{1min, 5min, 15min, 30min, 1h, 2h, 4h}));
  EXPECT_EQ(config->queue.expire, 120h);
  EXPECT_EQ(config->queue.warn_after, std::optional<base::Duration>(4h));
  EXPECT_EQ(config->queue.durability, Durability::fsync);
  EXPECT_EQ(config->trace.keep, 168h);
  EXPECT_EQ(config->trace.size, std::uint64_t{4} << 30);
  EXPECT_EQ(config->admin.address->to_string(), "127.0.0.1:8025");
  EXPECT_EQ(config->log.format, LogFormat::json);
  EXPECT_TRUE(config->log.file.empty());
  EXPECT_FALSE(config->sandbox);
  EXPECT_TRUE(config->routes.rules().empty());
  EXPECT_TRUE(config->directory->domains().empty());
}

// What docs/configuration.md shows as defaults, and everything that counts as empty.
constexpr std::string_view all_defaults = R"(
hostname = ""
data_dir = "/var/lib/posthaste"
listener = []
domain = []
alias = []
user = []
route = []
[tls]
certificate = ""
key = ""
[dns]
servers = []
timeout = "5s"
[relay]
networks = []
domains = []
source_routes = "strip"
reverse_routes = false
[limits]
message_size = "50MiB"
recipients = 1000
sessions = 10000
sessions_per_client = 100
idle_timeout = "5m"
[delivery]
port = 25
helo = ""
source_addresses = []
refuse_networks = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::", "::1", "fe80::/10", "ff00::/8"]
tls = "opportunistic"
connections_per_host = 20
messages_per_connection = 100
[queue]
retry = ["1m", "5m", "15m", "30m", "1h", "2h", "4h"]
expire = "5d"
warn_after = "4h"
durability = "fsync"
[trace]
keep = "7d"
size = "4GiB"
[admin]
address = "127.0.0.1:8025"
[log]
format = "json"
file = ""
)";

TEST(load, defaults_and_empty_values_are_never_refused) {
  EXPECT_EQ(mistakes_in(all_defaults), "none");
  EXPECT_EQ(mistakes_in("[queue]\nwarn_after = \"\"\n[admin]\naddress = \"\""), "none");
  EXPECT_EQ(mistakes_in("[trace]\nkeep = \"168h\"\nsize = \"4096MiB\""), "none");
  EXPECT_EQ(
      mistakes_in("[[listener]]\naddress = \"[::1]:25\"\nproxy_protocol = false\ntrusted = []"),
      "none");
  EXPECT_EQ(
      mistakes_in(with_domain("catch_all = \"\"\n[[user]]\naddress = \"a@a.example\"\n"
                              "password = \"\"\nscram = \"\"\nmay_send_as = []\n"
                              "[[route]]\nrecipient = \"*\"\nvia = \"discard:\"\nsender = \"\"\n"
                              "network = \"\"\nuser = \"\"\nlane = \"\"\nauth = {}")),
      "none");
}

std::string full_file() {
  return R"(
hostname = "mx.M\u00fcnchen.example"
data_dir = "state"
[[listener]]
address = "0.0.0.0:25"
[[listener]]
address = "[::1]:587"
role = "submission"
[[listener]]
address = "127.0.0.1:465"
role = "submissions"
[tls]
certificate = "cert.pem"
key = "/keys/key.pem"
[dns]
servers = ["127.0.0.1:5353", "::1", "192.0.2.53"]
timeout = "2s"
[relay]
networks = ["127.0.0.0/8", "::1"]
domains = ["example.net", "example.org"]
source_routes = "refuse"
[limits]
message_size = "64KiB"
recipients = 7
[[domain]]
name = "Example.org"
deliver = "maildir:mail/{domain}/{local}"
[[domain]]
name = "any.example"
deliver = "discard:"
recipients = "any"
plus_addressing = false
[[user]]
address = "Alice@example.org"
password = ")" +
         std::string(hash) + R"("
may_send_as = ["*@shop.example"]
[[user]]
address = "postmaster@any.example"
[[route]]
recipient = "bob@example.org"
via = "smtp://192.0.2.9:2525"
[[route]]
recipient = "*.uucp"
via = "smtp://gateway.example"
[delivery]
port = 2525
helo = "out.example"
source_addresses = ["192.0.2.1", "2001:db8::1"]
refuse_networks = []
tls = "verify"
[queue]
retry = ["1s"]
warn_after = ""
durability = "memory"
[admin]
address = ""
[log]
format = "text"
file = "log/ph.log"
)";
}

TEST(load, a_full_file) {
  const auto config = load_text(full_file());
  ASSERT_TRUE(config.has_value()) << mistakes_in(full_file());
  EXPECT_EQ(config->hostname, "mx.xn--mnchen-3ya.example");
  EXPECT_EQ(config->data_dir, "/etc/ph/state");
  ASSERT_EQ(config->listeners.size(), 3u);
  EXPECT_EQ(config->listeners[0].role, policy::ListenerRole::mx);
  EXPECT_EQ(config->listeners[1].address.to_string(), "[::1]:587");
  EXPECT_EQ(config->listeners[2].role, policy::ListenerRole::submissions);
  EXPECT_EQ(config->tls.certificate, "/etc/ph/cert.pem");
  EXPECT_EQ(config->tls.key, "/keys/key.pem");
  ASSERT_EQ(config->dns.servers.size(), 3u);
  EXPECT_EQ(config->dns.servers[1].to_string(), "[::1]:53");
  EXPECT_EQ(config->relay.source_routes, policy::SourceRoutes::refuse);
  EXPECT_EQ(config->relay.networks.size(), 2u);
  EXPECT_EQ(config->relay.domains.size(), 2u);
  EXPECT_EQ(config->limits.message_size, 65'536u);
  EXPECT_EQ(config->limits.recipients, 7u);
  EXPECT_EQ(config->delivery.port, 2525);
  EXPECT_EQ(config->delivery.helo, "out.example");
  EXPECT_EQ(config->delivery.source_addresses.size(), 2u);
  EXPECT_TRUE(config->delivery.refuse_networks.empty());
  EXPECT_EQ(config->delivery.tls, TlsPolicy::verify);
  EXPECT_EQ(config->queue.retry, (std::vector<base::Duration>{1s}));
  EXPECT_FALSE(config->queue.warn_after.has_value());
  EXPECT_EQ(config->queue.durability, Durability::memory);
  EXPECT_FALSE(config->admin.address.has_value());
  EXPECT_EQ(config->log.format, LogFormat::text);
  EXPECT_EQ(config->log.file, "/etc/ph/log/ph.log");
}

TEST(load, the_directory_and_routes_of_a_full_file) {
  const auto config = load_text(full_file());
  ASSERT_TRUE(config.has_value());
  const auto resolution =
      config->directory->resolve(*grammar::Mailbox::parse("alice+x@example.org"));
  ASSERT_NE(resolution.user, nullptr);
  EXPECT_EQ(resolution.mailbox.print(), "Alice@example.org");
  EXPECT_EQ(resolution.domain->deliver, "maildir:/etc/ph/mail/{domain}/{local}");
  EXPECT_EQ(resolution.user->password->encode(), hash);
  EXPECT_EQ(resolution.user->may_send_as.size(), 1u);
  const auto local = config->local_domains.find(*grammar::Domain::parse("EXAMPLE.ORG"));
  ASSERT_NE(local, config->local_domains.end());
  EXPECT_EQ(local->second.argument, "/etc/ph/mail/{domain}/{local}");
  ASSERT_EQ(config->routes.rules().size(), 2u);
  EXPECT_EQ(config->routes.rules()[1].via.print(), "smtp://gateway.example:25");
}

TEST(load, warns_and_lists_by_name_what_leaves_without_authentication) {
  const auto config = load_text(full_file());
  ASSERT_TRUE(config.has_value());
  const std::vector<std::string> want = {
      "queue.durability is \"memory\": a crash loses mail that was accepted",
      "no user or alias has the address postmaster@Example.org: its mail goes into a mailbox of "
      "that "
      "name",
      "clients in 127.0.0.0/8 may send anywhere without authentication",
      "clients in ::1/128 may send anywhere without authentication",
      "anyone may send to example.net through us without authentication",
      "relay.domains: example.org is a [[domain]]; its mail is delivered here",
      "anyone may send to bob@example.org, which goes on to smtp://192.0.2.9:2525, without "
      "authentication",
  };
  EXPECT_EQ(config->warnings, want);
  EXPECT_EQ(load_text("")->warnings,
            (std::vector<std::string>{"there is no [[listener]]: no mail comes in by SMTP"}));
}

TEST(load, the_host_name_of_a_machine_may_be_no_domain) {
  for (const std::string_view name : {"", "my host", "a..b", "[::1]"}) {
    const auto config =
        load("", {.file_name = "f", .base_folder = "/", .machine_name = std::string(name)});
    ASSERT_TRUE(config.has_value());
    EXPECT_EQ(config->hostname, "localhost") << name;
  }
}

TEST(sandbox, captures_everything) {
  const Config config = sandbox("/data", "my host");
  EXPECT_TRUE(config.sandbox);
  ASSERT_EQ(config.listeners.size(), 2u);
  EXPECT_EQ(config.listeners[0].address.to_string(), "127.0.0.1:2525");
  EXPECT_EQ(config.listeners[0].role, policy::ListenerRole::mx);
  EXPECT_EQ(config.listeners[1].address.to_string(), "127.0.0.1:2587");
  EXPECT_EQ(config.listeners[1].role, policy::ListenerRole::submission);
  const route::Context context{.domains = config.local_domains, .routes = config.routes};
  for (const std::string_view text :
       {"<Ann+x@anywhere.example>", "<a@localhost>", "<a@[192.0.2.1]>"}) {
    const auto path = *grammar::ForwardPath::parse(text);
    const auto resolution = config.directory->resolve(path.mailbox);
    EXPECT_EQ(resolution.kind, directory::Resolution::Kind::mailbox) << text;
    const auto decision = route::decide(path, nullptr, context);
    EXPECT_EQ(decision.kind, route::NextHopKind::local) << text;
    EXPECT_EQ(decision.target.argument, "/data/mail/{domain}/{local}") << text;
  }
  const auto postmaster = *grammar::ForwardPath::parse("<postmaster>");
  EXPECT_EQ(config.directory->resolve(postmaster.mailbox).mailbox.print(), "postmaster@localhost");
}

TEST(load, source_routes_are_honored_and_gateways_are_named) {
  const auto config = load(
      "[relay]\nsource_routes = \"honor\"\nreverse_routes = true\n"
      "[[route]]\nrecipient = \"*.uucp\"\nrewrite = \"bang\"\nvia = \"smtp://gw.test\"\n"
      "[[route]]\nrecipient = \"gw.test\"\nrewrite = \"percent\"\nvia = \"lmtp:gw.test\"\n"
      "[[route]]\nrecipient = \"x.test\"\nrewrite = \"\"\nvia = \"mx:\"\n",
      {.file_name = "f.toml", .base_folder = "/etc", .machine_name = "mx.test"});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->relay.source_routes, policy::SourceRoutes::honor);
  EXPECT_TRUE(config->relay.reverse_routes);
  ASSERT_EQ(config->routes.rules().size(), 3u);
  EXPECT_EQ(config->routes.rules()[0].rewrite, route::Rewrite::bang);
  EXPECT_EQ(config->routes.rules()[1].rewrite, route::Rewrite::percent);
  EXPECT_EQ(config->routes.rules()[2].rewrite, route::Rewrite::none);
}

TEST(load, a_way_back_without_honor_is_warned_of) {
  const auto config =
      load("[relay]\nreverse_routes = true\n",
           {.file_name = "f.toml", .base_folder = "/etc", .machine_name = "mx.test"});
  ASSERT_TRUE(config);
  ASSERT_FALSE(config->warnings.empty());
  EXPECT_NE(config->warnings.back().find("reverse_routes does nothing"), std::string::npos);
}

}  // namespace
}  // namespace config
