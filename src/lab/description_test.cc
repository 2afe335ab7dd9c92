#include "lab/description.h"

#include <gtest/gtest.h>

namespace lab {
namespace {

using namespace std::chrono_literals;

/// What most rows begin with; 11 lines.
constexpr std::string_view beginning = R"(duration = "1d"
[[server]]
name = "a.test"
[[server.config.domain]]
name = "a.test"
recipients = "any"
deliver = "maildir:/mail/{local}"
[[foreign]]
name = "mx.z.test"
domains = ["z.test"]

)";

auto read(std::string_view text) {
  return read_description(
      text, {.file_name = "lab.toml",
             .base_folder = "/here",
             .read_file = [](const std::string& path) -> std::expected<std::string, std::string> {
               if (path == "/here/good.toml")
                 return "hostname = \"own.test\"\n[[listener]]\naddress = \"192.0.2.7:25\"\n";
               if (path == "/here/bad.toml") return "hostnam = \"own.test\"\n";
               return std::unexpected(path + ": no such file or directory");
             }});
}

std::string printed(const std::vector<config::Mistake>& mistakes) {
  std::string out;
  for (const config::Mistake& mistake : mistakes) out += mistake.print() + "\n";
  return out;
}

struct MistakeCase {
  std::string_view name;
  std::string_view text;  ///< Behind the base.
  std::string_view want;  ///< Each mistake begins like a line of this.
};

const MistakeCase mistake_cases[] = {
    {"unknown key", "[[link]]\nlatenzy = \"1s\"",
     "lab.toml:13:1: link[1].latenzy: unknown key, did you mean \"latency\"?"},
    {"no TOML", "[[", "lab.toml:12:3: "},
    {"a name that is none", "[[foreign]]\nname = \"a b\"\ndomains = [\"x.test\"]",
     "lab.toml:13:8: foreign[2].name: expected a domain name such as"},
    {"a foreign host without domains", "[[foreign]]\nname = \"b.test\"",
     "lab.toml:12:1: foreign[2].domains: missing: expected an array of domain names"},
    {"two machines of one name", "[[foreign]]\nname = \"A.test\"\ndomains = [\"x.test\"]",
     "lab.toml:13:8: foreign[2].name: expected a name of its own, a.test is server[1]"},
    {"two machines at one address",
     "[[server]]\nname = \"b.test\"\naddress = \"192.0.2.1\"\n"
     "[[server]]\nname = \"c.test\"\naddress = \"192.0.2.1\"",
     "lab.toml:15:1: server[3]: expected an address of its own, 192.0.2.1 is that of b.test"},
    {"an address of the machine itself", "[[server]]\nname = \"b.test\"\naddress = \"127.0.0.1\"",
     "lab.toml:14:11: server[2].address: expected an IP address"},
    {"no such personality",
     "[[foreign]]\nname = \"b.test\"\ndomains = [\"x.test\"]\npersonality = \"nice\"",
     "lab.toml:15:15: foreign[2].personality: expected one of \"modern\", \"rfc821\","},
    {"a key of another personality",
     "[[foreign]]\nname = \"b.test\"\ndomains = [\"x.test\"]\npersonality = \"tarpit\"\n"
     "delay = \"1m\"",
     "lab.toml:16:1: foreign[2].delay: unknown key"},
    {"a rate beyond its bound",
     "[[foreign]]\nname = \"b.test\"\ndomains = [\"x.test\"]\npersonality = \"storm\"\n"
     "per_mille = 1001",
     "lab.toml:16:13: foreign[2].per_mille: expected a number from 0 to 1000, found 1001"},
    {"a mistake in a configuration", "[[server]]\nname = \"b.test\"\nconfig.queue.retry = []",
     "lab.toml:14:22: server[2].config.queue.retry: expected 1 to 100 durations"},
    {"a mistake in a configuration that is a text",
     "[[server]]\nname = \"b.test\"\nconfig = \"hostnam = 1\"",
     "lab.toml: server[2].config:1:1: hostnam: unknown key"},
    {"a configuration of another kind", "[[server]]\nname = \"b.test\"\nconfig = 1",
     "lab.toml:14:10: server[2].config: expected a table, or the text of a configuration"},
    {"a mistake in the file of a configuration",
     "[[server]]\nname = \"b.test\"\nconfig_file = \"bad.toml\"",
     "/here/bad.toml:1:1: hostnam: unknown key"},
    {"a file that is missing", "[[server]]\nname = \"b.test\"\nconfig_file = \"none.toml\"",
     "lab.toml:14:15: server[2].config_file: expected a readable file: /here/none.toml: no such"},
    {"two configurations",
     "[[server]]\nname = \"b.test\"\nconfig_file = \"good.toml\"\nconfig = {}",
     "lab.toml:14:15: server[2].config_file: expected either config or config_file"},
    {"an MX that is none", "[[domain]]\nname = \"y.test\"\nmx = [\"x y z\"]",
     "lab.toml:14:7: domain[1].mx[1]: "},
    {"an A that is none", "[[domain]]\nname = \"y.test\"\na = [\"::1\"]",
     "lab.toml:14:6: domain[1].a[1]: "},
    {"a domain twice", "[[domain]]\nname = \"y.test\"\n[[domain]]\nname = \"y.test\"",
     "lab.toml:15:8: domain[2].name: expected each domain once, y.test is there twice"},
    {"a link of one machine", "[[link]]\nbetween = [\"a.test\"]",
     "lab.toml:13:11: link[1].between: expected two names"},
    {"a link to itself", "[[link]]\nbetween = [\"a.test\", \"a.test\"]",
     "lab.toml:13:11: link[1].between: expected two machines"},
    {"a link to nobody", "[[link]]\nbetween = [\"a.test\", \"b.test\"]",
     "lab.toml:13:22: link[1].between[2]: expected the name of a [[server]] or [[foreign]], found"},
    {"a latency that is none", "[[link]]\nlatency = \"20us\"",
     "lab.toml:13:11: link[1].latency: expected a time such as \"20ms\""},
    {"a latency beyond its bound", "[[link]]\nlatency = \"600001ms\"",
     "lab.toml:13:11: link[1].latency: expected a time such as \"20ms\""},
    {"an outage of nothing", "[[outage]]\nfrom = \"1h\"",
     "lab.toml:12:1: outage[1]: expected one of server, dns and partition"},
    {"an outage of two things", "[[outage]]\nserver = \"a.test\"\ndns = \"z.test\"",
     "lab.toml:12:1: outage[1]: expected one of server, dns and partition"},
    {"an outage that ends before it begins",
     "[[outage]]\nserver = \"a.test\"\nfrom = \"2h\"\nto = \"2h\"",
     "lab.toml:15:6: outage[1].to: expected a time behind `from`"},
    {"an end that is none", "[[outage]]\nserver = \"a.test\"\nhow = \"slowly\"",
     "lab.toml:14:7: outage[1].how: expected one of \"power-cut\", \"kill\", \"stop\""},
    {"how the DNS goes down", "[[outage]]\ndns = \"z.test\"\nhow = \"kill\"",
     "lab.toml:14:1: outage[1].how: unknown key"},
    {"traffic of nobody", "[[traffic]]\nto = [\"b@z.test\"]\nserver = \"a.test\"",
     "lab.toml:12:1: traffic[1].from: missing: expected an address"},
    {"traffic to nobody", "[[traffic]]\nfrom = \"a@a.test\"\nto = []",
     "lab.toml:14:6: traffic[1].to: expected an array of addresses, found an empty array"},
    {"reports without a place", "[[traffic]]\nfrom = \"a@x.test\"\nto = [\"b@z.test\"]",
     "lab.toml:12:1: traffic[1].server: missing: expected the [[server]] where it is submitted\n"
     "lab.toml:13:8: traffic[1].from: expected an address at one of the servers"},
    {"an address with letters beyond ASCII",
     "[[traffic]]\nfrom = \"a@a.test\"\nto = [\"ü@z.test\"]",
     "lab.toml:14:7: traffic[1].to[1]: expected an address such as"},
    {"a foreign host takes no submissions",
     "[[traffic]]\nfrom = \"a@z.test\"\nto = [\"b@z.test\"]\nserver = \"mx.z.test\"",
     "lab.toml:15:10: traffic[1].server: expected the name of a [[server]], found \"mx.z.test\""},
    {"sizes the wrong way round",
     "[[traffic]]\nfrom = \"a@a.test\"\nto = [\"b@z.test\"]\nsize = \"2KiB\"\nsize_max = \"1KiB\"",
     "lab.toml:16:12: traffic[1].size_max: expected at least `size`"},
    {"too many messages",
     "[[traffic]]\nfrom = \"a@a.test\"\nto = [\"b@z.test\"]\nmessages = 100000\n"
     "[[traffic]]\nfrom = \"a@a.test\"\nto = [\"b@z.test\"]\nmessages = 1",
     "lab.toml:12:1: traffic: expected at most 100000 messages in all"},
    {"too many octets",
     "[[traffic]]\nfrom = \"a@a.test\"\nto = [\"b@z.test\", \"c@z.test\"]\ntogether = true\n"
     "messages = 100000\nsize = \"6KiB\"",
     "lab.toml:12:1: traffic: expected at most 1GiB of contents in all"},
    {"an expectation of nothing known", "[expect]\ndeliverd = 1",
     "lab.toml:13:1: expect.deliverd: unknown key, did you mean \"delivered\"?"},
    {"an expectation that is no number", "[expect]\ndelivered = \"all\"",
     "lab.toml:13:13: expect.delivered: expected a number from 0"},
    {"all of them are found",
     "[[link]]\nlatency = \"x\"\n[[outage]]\nserver = \"b.test\"\n[expect]\nlost = -1",
     "lab.toml:13:11: link[1].latency: \nlab.toml:15:10: outage[1].server: \n"
     "lab.toml:17:8: expect.lost: "},
};

TEST(Description, mistakes_with_their_places) {
  for (const MistakeCase& row : mistake_cases) {
    const auto found = read(std::string(beginning) + std::string(row.text));
    ASSERT_FALSE(found) << row.name;
    std::string_view want = row.want;
    for (const config::Mistake& mistake : found.error()) {
      const std::string_view line = want.substr(0, want.find('\n'));
      want.remove_prefix(std::min(line.size() + 1, want.size()));
      EXPECT_TRUE(!line.empty() && mistake.print().starts_with(line)) << row.name << ":\n"
                                                                      << printed(found.error());
    }
    EXPECT_EQ(want, "") << row.name << ":\n" << printed(found.error());
  }
}

TEST(Description, without_a_server_there_is_nothing_to_see) {
  const auto found = read("");
  ASSERT_FALSE(found);
  EXPECT_EQ(printed(found.error()), "lab.toml:1:1: missing: expected at least one [[server]]\n");
}

std::vector<std::string> records_of(const Description& description) {
  std::vector<std::string> out;
  for (const RecordPlan& record : description.records)
    out.push_back(record.owner + " " + record.type + " " + record.data);
  return out;
}

TEST(Description, what_is_not_given_is_made) {
  const auto found = read(beginning);
  ASSERT_TRUE(found) << printed(found.error());
  EXPECT_EQ(found->duration, 24h);
  EXPECT_EQ(records_of(*found),
            (std::vector<std::string>{"a.test A 10.1.0.1", "a.test MX 10 a.test",
                                      "mx.z.test A 10.2.0.1", "z.test MX 10 mx.z.test"}));
  EXPECT_EQ(found->servers.at(0).config->hostname, "a.test");
  EXPECT_EQ(found->servers.at(0).config->listeners.at(0).address.to_string(), "0.0.0.0:25");
  EXPECT_EQ(found->foreign.at(0).manner, "modern");
}

TEST(Description, what_is_given_stays) {
  const auto found = read(std::string(beginning) +
                          "[[domain]]\nname = \"z.test\"\nmx = [\"5 mx2.z.test\", \"mx.z.test\"]\n"
                          "[[domain]]\nname = \"mx.z.test\"\naaaa = [\"2001:db8::1\"]\n");
  ASSERT_TRUE(found) << printed(found.error());
  EXPECT_EQ(records_of(*found),
            (std::vector<std::string>{"z.test MX 5 mx2.z.test", "z.test MX 10 mx.z.test",
                                      "mx.z.test AAAA 2001:db8::1", "a.test A 10.1.0.1",
                                      "a.test MX 10 a.test"}));
}

TEST(Description, a_configuration_by_its_path_brings_its_addresses) {
  const auto found =
      read(std::string(beginning) + "[[server]]\nname = \"b.test\"\nconfig_file = \"good.toml\"\n");
  ASSERT_TRUE(found) << printed(found.error());
  const ServerPlan& plan = found->servers.at(1);
  EXPECT_EQ(plan.config->hostname, "own.test");
  EXPECT_EQ(plan.addresses, (std::vector{*base::IpAddress::parse("192.0.2.7")}));
  const std::vector<std::string> records = records_of(*found);
  for (const char* want : {"b.test A 192.0.2.7", "own.test A 192.0.2.7"})
    EXPECT_NE(std::ranges::find(records, want), records.end()) << want;
}

TEST(Description, all_of_a_big_one) {
  const auto found = read(std::string(beginning) + R"(
[[link]]
between = ["a.test", "mx.z.test"]
latency = "20ms"
jitter = "5ms"
bandwidth = "64KiB"
loss_per_mille = 5
[[outage]]
partition = ["a.test"]
from = "1h"
to = "2h"
[[outage]]
dns = "*"
answer = "TIMEOUT"
[[traffic]]
from = "a@A.test"
to = ["b@z.test", "c@z.test"]
together = true
route = ["d.test"]
client = "198.51.100.1"
messages = 7
start = "1m"
over = "1h"
size = "2KiB"
size_max = "4KiB"
[expect]
delivered = 14
duplicated_max = 1
queued_min = 0
)");
  ASSERT_TRUE(found) << printed(found.error());
  EXPECT_EQ(found->links.at(0).link.latency_max, 25ms);
  EXPECT_EQ(found->links.at(0).link.octets_per_second, 65'536u);
  EXPECT_EQ(found->outages.at(0).kind, Outage::Kind::partition);
  EXPECT_EQ(found->outages.at(1).to, base::Duration::max());
  const TrafficPlan& traffic = found->traffic.at(0);
  EXPECT_EQ(traffic.server, "a.test");
  EXPECT_EQ(traffic.octets_max, 4'096u);
  EXPECT_EQ(found->expectations.size(), 3u);
}

}  // namespace
}  // namespace lab
