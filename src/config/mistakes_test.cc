#include <gtest/gtest.h>

#include <algorithm>

#include "config/config.h"

namespace config {
namespace {

std::expected<Config, std::vector<Mistake>> load_text(std::string_view text) {
  return load(text, {.file_name = "f.toml",
                     .base_folder = "/etc/ph",
                     .machine_name = "host.example",
                     .questions = {.accounts = [](const std::string&) {
                       return std::vector<directory::User>();
                     }}});
}

/// All mistakes, one a line.
std::string mistakes_in(std::string_view text) {
  const auto result = load_text(text);
  if (result) return "none";
  std::string out;
  for (const Mistake& mistake : result.error()) out += mistake.print() + "\n";
  return out;
}

struct BadFile {
  std::string_view text;
  std::string_view want;  ///< How the only mistake begins, behind the name of the file.
};

const BadFile bad_files[] = {
    // No TOML.
    {"hostname", "1:9: Error while parsing key-value pair: encountered end"},
    {"a = 1\nhostname = \n", "2:12: Error while parsing key-value pair: expected value"},
    {"hostname = \"a", "1:14: Error while parsing string"},
    {"hostname = \"a\\q\"", "1:15: Error while parsing string: unknown escape"},
    {"hostname = \"a\"\nhostname = \"b\"",
     "2:12: Error while parsing key-value pair: cannot redefine"},
    {"[tls]\n[tls]", "2:1: Error while parsing table header: cannot redefine"},
    {"hostname = \"a\" x", "1:16: Error while parsing key-value pair: expected a comment"},
    {"\xff", "1:1: Encountered invalid utf-8"},
    {"[limits]\nrecipients = 1_", "2:15: Error while parsing"},
    {"[*]", "1:2: Error while parsing key: expected bare key starting character"},
    {"[[=]]", "1:3: Error while parsing key: expected bare key starting character"},
    {"[\x1b]", "1:2: Error while parsing key: expected bare key starting character"},
    {"\ufeed = 1", "1:1: Error while parsing"},
    {"hostname = \"a\" \ufe46", "1:16: Error while parsing"},
    // Unknown keys.
    {"hostnam = \"a\"", "1:1: hostnam: unknown key, did you mean \"hostname\"?"},
    {"Hostname = \"a\"", "1:1: Hostname: unknown key, did you mean \"hostname\"?"},
    {"[tsl]\nkey = \"k\"", "1:2: tsl: unknown key, did you mean \"tls\"?"},
    {"[[listeners]]", "1:3: listeners: unknown key, did you mean \"listener\"?"},
    {"colour = 1", "1:1: colour: unknown key, expected one of hostname, data_dir, "},
    {"[limits]\n  mesage_size = \"1MiB\"",
     "2:3: limits.mesage_size: unknown key, did you mean \"message_size\"?"},
    {"[limits]\nx = 1", "2:1: limits.x: unknown key, expected one of message_size, recipients, "},
    {"limits.x = 1", "1:8: limits.x: unknown key"},
    {"[[listener]]\naddress = \"1.2.3.4:25\"\nrol = \"mx\"",
     "3:1: listener[1].rol: unknown key, did you mean \"role\"?"},
    {"[dns]\nserver = []", "2:1: dns.server: unknown key, did you mean \"servers\"?"},
    {"[queue]\n\"re\\ntry\" = []", "2:1: queue.re\\x0atry: unknown key, did you mean \"retry\"?"},
    // Wrong kinds.
    {"hostname = 5", "1:12: hostname: expected a string, found an integer"},
    {"hostname = 5.5", "1:12: hostname: expected a string, found a floating-point number"},
    {"hostname = 1979-05-27", "1:12: hostname: expected a string, found a date or time"},
    {"hostname = true", "1:12: hostname: expected a string, found a boolean"},
    {"data_dir = [\"/a\"]", "1:12: data_dir: expected a string, found an array"},
    {"tls = \"cert.pem\"", "1:7: tls: expected a table [tls], found a string"},
    {"[[tls]]\nkey = \"k\"", "1:1: tls: expected a table [tls], found an array"},
    {"[listener]\naddress = \"1.2.3.4:25\"",
     "1:1: listener: expected an array of tables [[listener]], found a table"},
    {"listener = [\"1.2.3.4:25\"]",
     "1:13: listener[1]: expected an array of tables [[listener]], found a string"},
    {"[domain]", "1:1: domain: expected an array of tables [[domain]], found a table"},
    {"[limits]\nrecipients = \"10\"",
     "2:14: limits.recipients: expected a number from 1 to 100000, found a string"},
    {"[limits]\nmessage_size = 1000",
     "2:16: limits.message_size: expected a size such as \"64KiB\" or \"50MiB\", found an integer"},
    {"[limits]\nidle_timeout = 30",
     "2:16: limits.idle_timeout: expected a duration such as \"30s\", \"15m\", \"4h\" or \"5d\", "
     "found an integer"},
    {"[dns]\nservers = \"127.0.0.1\"",
     "2:11: dns.servers: expected an array of strings, found a string"},
    {"[dns]\nservers = [\"127.0.0.1\", 53]",
     "2:25: dns.servers[2]: expected a string, found an integer"},
    {"[relay]\nnetworks = \"10.0.0.0/8\"", "2:12: relay.networks: expected an array of strings"},
    {"[[domain]]\nname = \"a.example\"\ndeliver = \"discard:\"\nplus_addressing = \"yes\"",
     "4:19: domain[1].plus_addressing: expected true or false, found a string"},
    // hostname, data_dir.
    {"hostname = \"a..b\"",
     "1:12: hostname: expected a host name such as \"mx.example.org\", found \"a..b\""},
    {"hostname = \"[192.0.2.1]\"", "1:12: hostname: expected a host name"},
    {"hostname = \"two words\"", "1:12: hostname: expected a host name"},
    {"hostname = \"a\\nb\"", "1:12: hostname: expected text without control characters"},
    {"data_dir = \"/a\\u0000b\"", "1:12: data_dir: expected text without control characters"},
    // Listeners.
    {"[[listener]]",
     "1:1: listener[1].address: missing: expected IPv4:port, [IPv6]:port or unix:/path"},
    {"[[listener]]\naddress = \"\"",
     "2:11: listener[1].address: expected IPv4:port, [IPv6]:port or unix:/path, found an empty "
     "string"},
    {"[[listener]]\naddress = \"1.2.3.4\"", "2:11: listener[1].address: expected IPv4:port"},
    {"[[listener]]\naddress = \"localhost:25\"", "2:11: listener[1].address: expected IPv4:port"},
    {"[[listener]]\naddress = \"1.2.3.4:0\"", "2:11: listener[1].address: expected IPv4:port"},
    {"[[listener]]\naddress = \"1.2.3.4:65536\"", "2:11: listener[1].address: expected IPv4:port"},
    {"[[listener]]\naddress = \"::1:25\"", "2:11: listener[1].address: expected IPv4:port"},
    {"[[listener]]\naddress = \"256.2.3.4:25\"", "2:11: listener[1].address: expected IPv4:port"},
    {"[[listener]]\naddress = \"unix:relative\"", "2:11: listener[1].address: expected IPv4:port"},
    {"[[listener]]\naddress = \"unix:/s\"\n[[listener]]\naddress = \"unix:/s\"\nrole = \"lmtp\"",
     "3:1: listener[2]: another [[listener]] has the address unix:/s"},
    {"[[listener]]\naddress = \"1.2.3.4:25\"\nrole = \"lmtp\"",
     "2:11: listener[1].address: expected another port than 25, which LMTP must not use"},
    {"[[listener]]\naddress = \"unix:/s\"\nrole = \"submissions\"",
     "1:1: listener[1]: expected certificate and key in [tls]"},
    {"[[listener]]\naddress = \"1.2.3.4:25\"\nrole = \"relay\"",
     "3:8: listener[1].role: expected one of \"mx\", \"submission\", \"submissions\", \"lmtp\", "
     "found \"relay\""},
    {"[[listener]]\naddress = \"1.2.3.4:25\"\nrole = \"MX\"",
     "3:8: listener[1].role: expected one of"},
    {"[[listener]]\naddress = \"1.2.3.4:25\"\n\n[[listener]]\naddress = \"1.2.3.4:25\"",
     "4:1: listener[2]: another [[listener]] has the address 1.2.3.4:25"},
    {"[[listener]]\naddress = \"1.2.3.4:587\"\nrole = \"submission\"",
     "1:1: listener[1]: expected certificate and key in [tls]"},
    {"[[listener]]\naddress = \"1.2.3.4:465\"\nrole = \"submissions\"",
     "1:1: listener[1]: expected certificate and key in [tls]"},
    // [tls]
    {"[tls]\ncertificate = \"c\"",
     "2:15: tls.certificate: expected both certificate and key, key is missing"},
    {"[tls]\nkey = \"k\"\ncertificate = \"\"",
     "2:7: tls.key: expected both certificate and key, certificate is missing"},
    // [dns]
    {"[dns]\nservers = [\"localhost\"]", "2:12: dns.servers[1]: expected an address such as"},
    {"[dns]\nservers = [\"127.0.0.1:0\"]", "2:12: dns.servers[1]: expected an address such as"},
    {"[dns]\nservers = [\"[::1]\"]", "2:12: dns.servers[1]: expected an address such as"},
    {"[dns]\ntimeout = \"0s\"",
     "2:11: dns.timeout: expected a duration from \"1s\" to \"5m\", found \"0s\""},
    {"[dns]\ntimeout = \"301s\"",
     "2:11: dns.timeout: expected a duration from \"1s\" to \"5m\", found \"301s\""},
    // [relay]
    {"[relay]\nnetworks = [\"10.0.0.1/8\"]",
     "2:13: relay.networks[1]: expected an address or network such as"},
    {"[relay]\nnetworks = [\"10.0.0.0/33\"]",
     "2:13: relay.networks[1]: expected an address or network"},
    {"[relay]\nnetworks = [\"::1\",\n \"10.0.0.0/255.0.0.0\"]",
     "3:2: relay.networks[2]: expected an address or network"},
    {"[relay]\nnetworks = [\"mynetworks\"]",
     "2:13: relay.networks[1]: expected an address or network"},
    {"[relay]\ndomains = [\"*.example.net\"]",
     "2:12: relay.domains[1]: expected a domain such as \"example.net\": "},
    {"[relay]\ndomains = [\"\"]", "2:12: relay.domains[1]: expected a domain"},
    {"[relay]\nsource_routes = \"ignore\"",
     "2:17: relay.source_routes: expected one of \"refuse\", \"strip\", \"honor\", found "
     "\"ignore\""},
    // [limits]
    {"[limits]\nmessage_size = \"50MB\"",
     "2:16: limits.message_size: expected a size such as \"64KiB\" or \"50MiB\", found \"50MB\""},
    {"[limits]\nmessage_size = \"50\"", "2:16: limits.message_size: expected a size such as"},
    {"[limits]\nmessage_size = \"-1MiB\"", "2:16: limits.message_size: expected a size such as"},
    {"[limits]\nmessage_size = \"0B\"",
     "2:16: limits.message_size: expected a size from \"1B\" to \"1TiB\", found \"0B\""},
    {"[limits]\nmessage_size = \"2TiB\"", "2:16: limits.message_size: expected a size from"},
    {"[limits]\nrecipients = 0",
     "2:14: limits.recipients: expected a number from 1 to 100000, found 0"},
    {"[limits]\nrecipients = 100001",
     "2:14: limits.recipients: expected a number from 1 to 100000, found 100001"},
    {"[limits]\nsessions = -1",
     "2:12: limits.sessions: expected a number from 1 to 1000000, found -1"},
    {"[limits]\nsessions_per_client = 9223372036854775807",
     "2:23: limits.sessions_per_client: expected a number"},
    {"[limits]\nidle_timeout = \"5 m\"", "2:16: limits.idle_timeout: expected a duration such as"},
    {"[limits]\nidle_timeout = \"m\"", "2:16: limits.idle_timeout: expected a duration such as"},
    // [[domain]]
    {"[[domain]]\ndeliver = \"discard:\"",
     "1:1: domain[1].name: missing: expected a domain such as \"example.org\""},
    {"[[domain]]\nname = \"a.example\"",
     "1:1: domain[1].deliver: missing: expected where mail is delivered to"},
    {"[[domain]]\nname = \"a_b..example\"\ndeliver = \"discard:\"",
     "2:8: domain[1].name: expected a domain such as \"example.org\": "},
    {"[[domain]]\nname = \"*\"\ndeliver = \"discard:\"", "2:8: domain[1].name: expected a domain"},
    {"[[domain]]\nname = \"a.example\"\ndeliver = \"discard:\"\n[[domain]]\nname = "
     "\"A.Example\"\ndeliver = \"discard:\"",
     "5:8: domain[2].name: another [[domain]] has the name \"a.example\""},
    {"[[domain]]\nname = \"m\u00fcnchen.example\"\ndeliver = \"discard:\"\n[[domain]]\nname = "
     "\"xn--mnchen-3ya.example\"\ndeliver = \"discard:\"",
     "5:8: domain[2].name: another [[domain]] has the name"},
    {"[[domain]]\nname = \"a.example\"\ndeliver = \"/var/mail\"",
     "3:11: domain[1].deliver: expected "},
    {"[[domain]]\nname = \"a.example\"\ndeliver = \"maildir:\"",
     "3:11: domain[1].deliver: expected "},
    {"[[domain]]\nname = \"a.example\"\ndeliver = \"discard:x\"",
     "3:11: domain[1].deliver: nothing may follow"},
    {"[[domain]]\nname = \"a.example\"\ndeliver = \"smtp://h\"",
     "3:11: domain[1].deliver: expected maildir:"},
    {"[[domain]]\nname = \"a.example\"\ndeliver = \"maildir:/m/{user}\"",
     "3:11: domain[1].deliver: expected {domain} or {local}, found \"{user}\""},
    {"[[domain]]\nname = \"a.example\"\ndeliver = \"maildir:/m/{local\"",
     "3:11: domain[1].deliver: expected {domain} or {local}, found \"{local\""},
    {"[[domain]]\nname = \"a.example\"\ndeliver = \"maildir:/m/local}\"",
     "3:11: domain[1].deliver: expected {domain} or {local}, found \"}\""},
    {"[[domain]]\nname = \"a.example\"\ndeliver = \"discard:\"\nrecipients = \"all\"",
     "4:14: domain[1].recipients: expected one of \"listed\", \"any\", \"ask\", found \"all\""},
    // [[route]]
    {"[[route]]\nvia = \"discard:\"", "1:1: route[1].recipient: missing: expected an address"},
    {"[[route]]\nrecipient = \"*\"",
     "1:1: route[1].via: missing: expected where mail goes, such as"},
    {"[[route]]\nrecipient = \"*.\"\nvia = \"discard:\"", "2:13: route[1].recipient: "},
    {"[[route]]\nrecipient = \"a@b@c\"\nvia = \"discard:\"", "2:13: route[1].recipient: "},
    {"[[route]]\nrecipient = \"*@b.example\"\nvia = \"discard:\"", "2:13: route[1].recipient: "},
    {"[[route]]\nrecipient = \"*\"\nvia = \"gateway.example\"",
     "3:7: route[1].via: expected smtp://"},
    {"[[route]]\nrecipient = \"*\"\nvia = \"smtp://\"", "3:7: route[1].via: expected HOST"},
    {"[[route]]\nrecipient = \"*\"\nvia = \"smtp://a.example:0\"",
     "3:7: route[1].via: expected a port from 1 to 65535"},
    {"[[route]]\nrecipient = \"*\"\nvia = \"smtp://a.example:25/x\"",
     "3:7: route[1].via: expected a port"},
    {"[[route]]\nrecipient = \"*\"\nvia = \"smtp://::1\"", "3:7: route[1].via: expected"},
    {"[[route]]\nrecipient = \"*\"\nvia = \"mx:x\"", "3:7: route[1].via: nothing may follow mx:"},
    // [delivery]
    {"[delivery]\nport = 0", "2:8: delivery.port: expected a number from 1 to 65535, found 0"},
    {"[delivery]\nport = 65536",
     "2:8: delivery.port: expected a number from 1 to 65535, found 65536"},
    {"[delivery]\nhelo = \"-a\"", "2:8: delivery.helo: expected a host name"},
    {"[delivery]\nsource_addresses = [\"eth0\"]",
     "2:21: delivery.source_addresses[1]: expected an IP address, found \"eth0\""},
    {"[delivery]\nsource_addresses = [\"192.0.2.0/24\"]",
     "2:21: delivery.source_addresses[1]: expected an IP address"},
    {"[delivery]\nrefuse_networks = [\"127.0.0.1/8\"]",
     "2:20: delivery.refuse_networks[1]: expected an address or network"},
    {"[delivery]\ntls = \"maybe\"",
     "2:7: delivery.tls: expected one of \"off\", \"opportunistic\", \"require\", \"verify\", "
     "found \"maybe\""},
    {"[delivery]\nconnections_per_host = 0",
     "2:24: delivery.connections_per_host: expected a number from 1 to"},
    {"[delivery]\nmessages_per_connection = 1000001",
     "2:27: delivery.messages_per_connection: expected a number"},
    // [queue]
    {"[queue]\nretry = []", "2:9: queue.retry: expected 1 to 100 durations"},
    {"[queue]\nretry = [\"1m\", \"soon\"]", "2:16: queue.retry[2]: expected a duration such as"},
    {"[queue]\nretry = [\"0s\"]", "2:10: queue.retry[1]: expected a duration from \"1s\""},
    {"[queue]\nexpire = \"0d\"",
     "2:10: queue.expire: expected a duration from \"1s\" to \"365d\", found \"0d\""},
    {"[queue]\nexpire = \"366d\"",
     "2:10: queue.expire: expected a duration from \"1s\" to \"365d\""},
    {"[queue]\nwarn_after = \"never\"", "2:14: queue.warn_after: expected a duration such as"},
    {"[queue]\ndurability = \"none\"",
     "2:14: queue.durability: expected one of \"fsync\", \"memory\", found \"none\""},
    // [trace], [admin], [log]
    {"[trace]\nkeep = \"0s\"", "2:8: trace.keep: expected a duration from"},
    {"[trace]\nkeep = 7", "2:8: trace.keep: expected"},
    {"[trace]\nsize = \"1KiB\"", "2:8: trace.size: expected a size from \"1MiB\""},
    {"[admin]\naddress = \"8025\"", "2:11: admin.address: expected IPv4:port"},
    {"[log]\nformat = \"xml\"",
     "2:10: log.format: expected one of \"json\", \"text\", found \"xml\""},
    {"[log]\nfile = 1", "2:8: log.file: expected a string, found an integer"},
    // Not built yet.
    {"[[listener]]\naddress = \"1.2.3.4:25\"\nproxy_protocol = true",
     "3:18: listener[1].proxy_protocol: proxy_protocol is not supported yet"},
    {"[[listener]]\naddress = \"1.2.3.4:25\"\ntrusted = [\"10.0.0.1\"]",
     "3:11: listener[1].trusted: trusted is not supported yet"},
    // Gateways.
    {"[[route]]\nrecipient = \"gw.test\"\nrewrite = \"uucp\"\nvia = \"smtp://gw.test\"",
     "3:11: route[1].rewrite: expected one of \"percent\", \"bang\", found \"uucp\""},
    {"[[route]]\nrecipient = \"*\"\nrewrite = \"bang\"\nvia = \"smtp://gw.test\"",
     "3:11: route[1].rewrite: expected \"domain\" or \"*.domain\" as recipient"},
    {"[[route]]\nrecipient = \"a@gw.test\"\nrewrite = \"bang\"\nvia = \"smtp://gw.test\"",
     "3:11: route[1].rewrite: expected \"domain\" or \"*.domain\" as recipient"},
    {"[[route]]\nsender = \"a@b.test\"\nrewrite = \"bang\"\nvia = \"smtp://gw.test\"",
     "3:11: route[1].rewrite: expected \"domain\" or \"*.domain\" as recipient"},
    {"[[route]]\nrecipient = \"gw.test\"\nrewrite = \"percent\"\nvia = \"mx:\"",
     "3:11: route[1].rewrite: expected a gateway as via"},
    {"[[route]]\nrecipient = \"gw.test\"\nrewrite = \"percent\"\nvia = \"discard:\"",
     "3:11: route[1].rewrite: expected a gateway as via"},
    {"[relay]\nreverse_routes = \"yes\"",
     "2:18: relay.reverse_routes: expected true or false, found a string"},
};

TEST(load, one_mistake_and_where_it_stands) {
  for (const BadFile& row : bad_files) {
    const std::string got = mistakes_in(row.text);
    EXPECT_TRUE(got.starts_with("f.toml:" + std::string(row.want)))
        << row.text << "\n  got:  " << got << "  want: f.toml:" << row.want;
    EXPECT_EQ(std::ranges::count(got, '\n'), 1) << row.text << "\n" << got;
  }
  EXPECT_GE(std::size(bad_files), 80u);
}

/// `[[user]]` blocks need a domain before them: 3 lines.
std::string with_domain(std::string_view rest) {
  return "[[domain]]\nname = \"a.example\"\ndeliver = \"discard:\"\n" + std::string(rest);
}

const BadFile bad_users[] = {
    {"[[user]]", "4:1: user[1].address: missing: expected an address"},
    {"[[user]]\naddress = \"ann\"", "5:11: user[1].address: expected an address such as"},
    {"[[user]]\naddress = \"@a.example\"", "5:11: user[1].address: expected an address such as"},
    {"[[user]]\naddress = \"ann@b.example\"",
     "5:11: user[1].address: expected an address in one of the [[domain]] blocks, \"b.example\""},
    {"[[user]]\naddress = \"ann@sub.a.example\"",
     "5:11: user[1].address: expected an address in one of"},
    {"[[user]]\naddress = \"ann@a.example\"\n[[user]]\naddress = \"ANN@A.example\"",
     "7:11: user[2].address: another [[user]] has the address \"ann@a.example\""},
    {"[[user]]\naddress = \"ann@a.example\"\n[[user]]\naddress = \"\\\"ann\\\"@a.example\"",
     "7:11: user[2].address: another [[user]] has the address"},
    {"[[user]]\naddress = \"ann@a.example\"\npassword = \"secret\"",
     "6:12: user[1].password: expected a hash of the form $argon2id$"},
    {"[[user]]\naddress = \"ann@a.example\"\npassword = "
     "\"$argon2id$v=19$m=9999999,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg\"",
     "6:12: user[1].password: the hash costs too much to check"},
    {"[[user]]\naddress = \"ann@a.example\"\nscram = \"SCRAM-SHA-256$4096:x$y:z\"",
     "6:9: user[1].scram: expected "},
    {"[[user]]\naddress = \"ann@a.example\"\nmay_send_as = \"*\"",
     "6:15: user[1].may_send_as: expected an array of strings, found a string"},
    {"[[user]]\naddress = \"ann@a.example\"\nmay_send_as = [\"*\", \"*.a.example\"]",
     "6:21: user[1].may_send_as[2]: expected an address, \"*@domain\" or \"*\", found "
     "\"*.a.example\""},
    {"[[user]]\naddress = \"ann@a.example\"\nmay_send_as = [\"a.example\"]",
     "6:16: user[1].may_send_as[1]: expected an address"},
};

const BadFile bad_domains[] = {
    // The first three lines are a [[domain]].
    {"recipients = \"ask\"",
     "4:14: domain[1].recipients: expected an LMTP server to ask: deliver = \"lmtp:"},
    {"recipients = \"any\"\ncatch_all = \"ann\"",
     "5:13: domain[1].catch_all: expected recipients = \"listed\""},
    {"catch_all = \"a..b\"", "4:13: domain[1].catch_all: expected an address such as"},
    {"catch_all = \"ann@elsewhere.example\"",
     "4:13: domain[1].catch_all: expected an address in one of the [[domain]] blocks"},
    {"catch_all = [\"ann\"]", "4:13: domain[1].catch_all: expected a string, found an array"},
    {"[[domain]]\nname = \"b.example\"\ndeliver = \"mbox:/m/{sender}\"",
     "6:11: domain[2].deliver: expected {domain} or {local}, found \"{sender}\""},
    {"[[domain]]\nname = \"b.example\"\ndeliver = \"pipe:/bin/x {user}\"",
     "6:11: domain[2].deliver: expected {domain}, {local}, {sender} or {recipient}, found "
     "\"{user}\""},
    {"[[domain]]\nname = \"b.example\"\ndeliver = \"pipe:{local} x\"",
     "6:11: domain[2].deliver: expected a program, not a placeholder"},
    {"[[domain]]\nname = \"b.example\"\ndeliver = \"lmtp:unix:run/lmtp\"",
     "6:11: domain[2].deliver: expected a path from / on after lmtp:unix:"},
    {"[[domain]]\nname = \"b.example\"\ndeliver = \"lmtp:host:0\"",
     "6:11: domain[2].deliver: expected a port"},
    // [[alias]].
    {"[[alias]]\nto = [\"x@y.example\"]", "4:1: alias[1].address: missing: expected an address"},
    {"[[alias]]\naddress = \"x@a.example\"", "4:1: alias[1].to: missing: expected the addresses"},
    {"[[alias]]\naddress = \"x@a.example\"\nto = []",
     "6:6: alias[1].to: expected the addresses that it stands for, found an empty array"},
    {"[[alias]]\naddress = \"x@a.example\"\nto = \"y@a.example\"",
     "6:6: alias[1].to: expected an array of strings, found a string"},
    {"[[alias]]\naddress = \"x@a.example\"\nto = [\"z@y.example\", \"y\"]",
     "6:22: alias[1].to[2]: expected an address such as"},
    {"[[alias]]\naddress = \"x@a.example\"\nto = [\"<z@y.example>\"]",
     "6:7: alias[1].to[1]: expected an address such as"},
    {"[[alias]]\naddress = \"x@y.example\"\nto = [\"z@y.example\"]",
     "5:11: alias[1].address: expected an address in one of the [[domain]] blocks"},
    {"[[alias]]\naddress = \"@a.example\"\nto = [\"z@y.example\"]",
     "5:11: alias[1].address: expected an address such as"},
    {"[[alias]]\naddress = \"*@a.example\"\nto = [\"z@y.example\"]",
     "5:11: alias[1].address: expected one address: for all others there is catch_all"},
    {"[[alias]]\naddress = \"x@a.example\"\nto = [\"z@y.example\"]\n[[alias]]\n"
     "address = \"X@A.example\"\nto = [\"z@y.example\"]",
     "8:11: alias[2].address: another [[alias]] has the address \"x@a.example\""},
    {"[[alias]]\naddress = \"x@a.example\"\nto = [\"z@y.example\"]\nfrom = \"\"",
     "7:1: alias[1].from: unknown key"},
    {"[[alias]]\naddress = \"x@a.example\"\nto = [\"X+y@a.example\"]",
     "5:11: alias[1].address: expected an alias that leads to a mailbox: x@a.example is a loop"},
    {"[[user]]\naddress = \"ann@a.example\"\nscram = \"hunter2\"", "6:9: user[1].scram: expected "},
};

const BadFile bad_routes[] = {
    // The first line is [[route]], the second one has via.
    {"sender = \"a@b@c\"", "3:10: route[1].sender: "},
    {"sender = \"*@b.example\"", "3:10: route[1].sender: "},
    {"sender = [\"<>\"]", "3:10: route[1].sender: expected a string, found an array"},
    {"network = \"10.0.0.1/8\"",
     "3:11: route[1].network: expected an address or network such as \"10.0.0.0/8\""},
    {"network = \"mynetworks\"", "3:11: route[1].network: expected an address or network"},
    {"user = 1000", "3:8: route[1].user: expected a string, found an integer"},
    {"sender = \"\"\nnetwork = \"\"\nuser = \"\"", "1:1: route[1].recipient: missing: "},
    {"recipient = \"\"", "3:13: route[1].recipient: expected an address, "},
    {"user = \"*\"\nlane = \"two words\"", "4:8: route[1].lane: expected at most 64 letters"},
    {"user = \"*\"\nlane = \"0123456789012345678901234567890123456789012345678901234567890123x\"",
     "4:8: route[1].lane: expected at most 64 letters"},
    {"user = \"*\"\nauth = \"u\"", "4:8: route[1].auth: expected a table"},
    {"user = \"*\"\nauth = { user = \"u\" }",
     "4:8: route[1].auth.password_file: missing: expected the file with the password"},
    {"user = \"*\"\nauth = { password_file = \"f\" }",
     "4:8: route[1].auth.user: missing: expected the name to log in with"},
    {"user = \"*\"\nauth = { user = \"u\", password = \"p\", password_file = \"f\" }",
     "4:22: route[1].auth.password: unknown key"},
};

TEST(load, mistakes_of_domains_and_aliases) {
  for (const BadFile& row : bad_domains) {
    const std::string got = mistakes_in(with_domain(row.text));
    EXPECT_TRUE(got.starts_with("f.toml:" + std::string(row.want)))
        << row.text << "\n  got:  " << got << "  want: f.toml:" << row.want;
    EXPECT_EQ(std::ranges::count(got, '\n'), 1) << row.text << "\n" << got;
  }
}

TEST(load, mistakes_of_routes) {
  for (const BadFile& row : bad_routes) {
    const std::string got =
        mistakes_in("[[route]]\nvia = \"smtp://gateway.example\"\n" + std::string(row.text));
    EXPECT_TRUE(got.starts_with("f.toml:" + std::string(row.want)))
        << row.text << "\n  got:  " << got << "  want: f.toml:" << row.want;
    EXPECT_EQ(std::ranges::count(got, '\n'), 1) << row.text << "\n" << got;
  }
}

TEST(load, only_hosts_are_logged_in_at) {
  for (const std::string_view via :
       {"lmtp:unix:/s", "maildir:/m", "mbox:/m", "discard:", "pipe:/bin/x", "mx:", "reject:no"}) {
    const std::string got = mistakes_in(
        "[[route]]\nrecipient = \"*\"\nauth = { user = \"u\", password_file = \"f\" }\n"
        "via = \"" +
        std::string(via) + "\"");
    EXPECT_TRUE(
        got.starts_with("f.toml:3:8: route[1].auth: expected smtp://, smtps:// or lmtp:HOST"))
        << via << ": " << got;
  }
  for (const std::string_view via : {"smtp://h", "smtps://h", "lmtp:h"}) {
    EXPECT_EQ(mistakes_in("[[route]]\nrecipient = \"*\"\nauth = { user = \"u\", password_file = "
                          "\"f\" }\nvia = \"" +
                          std::string(via) + "\""),
              "none");
  }
}

TEST(load, the_path_of_a_unix_socket_at_its_limit_and_one_past_it) {
  for (const std::size_t size : {107u, 108u}) {
    const std::string path = "/" + std::string(size - 1, 'x');
    const bool fits = size == 107;
    EXPECT_EQ(mistakes_in("[[listener]]\naddress = \"unix:" + path + "\""),
              fits ? "none"
                   : "f.toml:2:11: listener[1].address: expected a path of at most 107 octets "
                     "after unix:\n");
    EXPECT_EQ(mistakes_in("[[route]]\nrecipient = \"*\"\nvia = \"lmtp:unix:" + path + "\""),
              fits ? "none"
                   : "f.toml:3:7: route[1].via: expected a path of at most 107 octets after "
                     "unix:\n");
  }
}

TEST(load, an_alias_at_its_limit_and_one_past_it) {
  for (const std::size_t count : {1'000u, 1'001u}) {
    std::string to;
    for (std::size_t i = 0; i < count; ++i) to += "\"n" + std::to_string(i) + "@b.example\",";
    const std::string got =
        mistakes_in(with_domain("[[alias]]\naddress = \"x@a.example\"\nto = [" + to + "]"));
    EXPECT_EQ(got, count == 1'000
                       ? "none"
                       : "f.toml:5:11: alias[1].address: expected an alias that leads to "
                         "at most 1000 addresses\n");
  }
}

TEST(load, mistakes_of_users) {
  for (const BadFile& row : bad_users) {
    const std::string got = mistakes_in(with_domain(row.text));
    EXPECT_TRUE(got.starts_with("f.toml:" + std::string(row.want)))
        << row.text << "\n  got:  " << got << "  want: f.toml:" << row.want;
    EXPECT_EQ(std::ranges::count(got, '\n'), 1) << row.text << "\n" << got;
  }
}

TEST(load, a_wrong_password_hash_is_not_repeated) {
  const std::string got =
      mistakes_in(with_domain("[[user]]\naddress = \"ann@a.example\"\npassword = \"hunter2\""));
  EXPECT_EQ(got.find("hunter2"), std::string::npos) << got;
}

TEST(load, finds_all_mistakes_in_the_order_of_the_file) {
  EXPECT_EQ(
      mistakes_in("hostname = 1\n"
                  "[queue]\n"
                  "retry = [\"x\", \"1m\", 5]\n"
                  "expires = \"5d\"\n"
                  "[limits]\n"
                  "message_size = \"1MB\"\n"
                  "[[listener]]\n"
                  "address = \"here\"\n"
                  "role = \"there\"\n"),
      "f.toml:1:12: hostname: expected a string, found an integer\n"
      "f.toml:3:10: queue.retry[1]: expected a duration such as \"30s\", \"15m\", \"4h\" or "
      "\"5d\", found \"x\"\n"
      "f.toml:3:21: queue.retry[3]: expected a string, found an integer\n"
      "f.toml:4:1: queue.expires: unknown key, did you mean \"expire\"?\n"
      "f.toml:6:16: limits.message_size: expected a size such as \"64KiB\" or \"50MiB\", found "
      "\"1MB\"\n"
      "f.toml:8:11: listener[1].address: expected IPv4:port, [IPv6]:port or unix:/path, found "
      "\"here\"\n"
      "f.toml:9:8: listener[1].role: expected one of \"mx\", \"submission\", \"submissions\", "
      "\"lmtp\", found \"there\"\n");
}

TEST(load, a_domain_with_a_mistake_is_still_a_domain_for_its_users) {
  EXPECT_EQ(mistakes_in("[[domain]]\nname = \"a.example\"\n[[user]]\naddress = \"ann@a.example\"")
                .find("user"),
            std::string::npos);
}

TEST(load, columns_count_characters) {
  EXPECT_TRUE(mistakes_in("hostname = { \"\u00e9\u00e9\" = 1 }").starts_with("f.toml:1:12: "));
  EXPECT_EQ(mistakes_in("[relay]\ndomains = [\"\u00e9\u00e9.example\", 1]"),
            "f.toml:2:26: relay.domains[2]: expected a string, found an integer\n");
}

TEST(load, mistakes_are_printed_harmlessly) {
  const Mistake mistake{.file = "f",
                        .position = {.line = 1, .column = 2},
                        .key = "a\x1b[2J",
                        .message = "found \"\n\""};
  EXPECT_EQ(mistake.print(), "f:1:2: a\\x1b[2J: found \"\\x0a\"");
  EXPECT_EQ((Mistake{.file = "f", .position = {}, .key = {}, .message = "gone"}.print()),
            "f: gone");
}

TEST(load, the_number_of_retries_at_its_limit_and_one_past_it) {
  std::string retry = "\"1m\"";
  for (int i = 1; i < 100; ++i) retry += ", \"1m\"";
  EXPECT_EQ(mistakes_in("[queue]\nretry = [" + retry + "]"), "none");
  EXPECT_EQ(mistakes_in("[queue]\nretry = [" + retry + ", \"1m\"]"),
            "f.toml:2:9: queue.retry: expected 1 to 100 durations\n");
}

TEST(load, every_cut_of_a_file_ends_in_mistakes_or_a_configuration) {
  const std::string text =
      with_domain("[queue]\nretry = [\"1m\", \"\\u00e9\"]\n[tls]\nkey = 'k'\n");
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto result = load_text(std::string_view(text).substr(0, size));
    if (!result) EXPECT_FALSE(result.error().empty()) << size;
  }
}

}  // namespace
}  // namespace config
