#include "route/mx_lookup.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>

#include "dns/zone.h"

namespace route {
namespace {

struct Line {
  std::string_view owner, type, data;  ///< Data "!WORD": a fault.
};

dns::Zone zone_of(const std::vector<Line>& lines) {
  dns::Zone zone;
  for (const Line& line : lines) {
    const auto done = line.data.starts_with('!')
                          ? zone.set_fault_text(line.owner, line.type, line.data.substr(1))
                          : zone.add_text(line.owner, line.type, line.data);
    EXPECT_TRUE(done) << done.error();
  }
  return zone;
}

/// Answers whatever is asked, in the order in which it is asked or the other way round.
MxLookup::Result run(MxLookup& search, const dns::Zone& zone, bool backwards = false) {
  std::set<dns::Question> asked;
  while (!search.finished()) {
    std::vector<dns::Question> questions = search.next_questions();
    if (questions.empty()) {
      ADD_FAILURE() << "neither finished nor asking";
      return std::unexpected(NoHostError{NoHost::dns_failed, ""});
    }
    if (backwards) std::ranges::reverse(questions);
    for (const dns::Question& question : questions) {
      EXPECT_TRUE(asked.insert(question).second) << "asked twice: " << question.name.text();
      search.answer(question, zone.lookup(question));
    }
  }
  EXPECT_LE(asked.size(), 1 + 2 * mx_hosts_max);
  return search.result();
}

/// "10 mx.example 192.0.2.1,2001:db8::1; …", or the status.
std::string show(const MxLookup::Result& result) {
  if (!result) return std::string(status_of(result.error().why));
  std::string text;
  for (const Host& host : *result) {
    if (!text.empty()) text += "; ";
    text += std::to_string(host.preference) + " " + host.name + " ";
    for (std::size_t i = 0; i < host.addresses.size(); ++i) {
      text += (i == 0 ? "" : ",") + host.addresses[i].to_string();
    }
  }
  return text;
}

grammar::Domain domain(std::string_view text) { return grammar::Domain::parse(text).value(); }

LookupOptions sample_options() {
  LookupOptions options;
  options.hostname = domain("Us.example");
  options.listeners = {*base::Endpoint::parse("192.0.2.99:25"),
                       *base::Endpoint::parse("192.0.2.98:2525")};
  for (const auto text : {"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::", "::1",
                          "fe80::/10", "ff00::/8"}) {
    options.refuse_networks.push_back(*base::Network::parse(text));
  }
  return options;
}

struct Case {
  std::string_view name;
  std::vector<Line> zone;
  std::string_view want;
  std::string_view domain = "d.example";
};

const Case cases[] = {
    {"one MX",
     {{"d.example", "MX", "10 m.example"}, {"m.example", "A", "192.0.2.1"}},
     "10 m.example 192.0.2.1"},
    {"IPv6 first, then by turns",
     {{"d.example", "MX", "10 m.example"},
      {"m.example", "A", "192.0.2.1"},
      {"m.example", "AAAA", "2001:db8::1"}},
     "10 m.example 2001:db8::1,192.0.2.1"},
    {"in order of preference",
     {{"d.example", "MX", "20 b.example"},
      {"d.example", "MX", "5 a.example"},
      {"d.example", "MX", "100 c.example"},
      {"a.example", "A", "192.0.2.1"},
      {"b.example", "A", "192.0.2.2"},
      {"c.example", "A", "192.0.2.3"}},
     "5 a.example 192.0.2.1; 20 b.example 192.0.2.2; 100 c.example 192.0.2.3"},
    {"a name twice counts with its better preference",
     {{"d.example", "MX", "20 m.example"},
      {"d.example", "MX", "10 m.example"},
      {"m.example", "A", "192.0.2.1"}},
     "10 m.example 192.0.2.1"},
    {"implicit MX", {{"d.example", "A", "192.0.2.1"}}, "0 d.example 192.0.2.1"},
    {"implicit MX by AAAA alone",
     {{"d.example", "AAAA", "2001:db8::1"}},
     "0 d.example 2001:db8::1"},
    {"the domain is a CNAME",
     {{"d.example", "CNAME", "e.example"},
      {"e.example", "MX", "10 m.example"},
      {"m.example", "A", "192.0.2.1"}},
     "10 m.example 192.0.2.1"},
    {"implicit MX through a CNAME",
     {{"d.example", "CNAME", "e.example"}, {"e.example", "A", "192.0.2.1"}},
     "0 d.example 192.0.2.1"},
    {"the MX is a CNAME",
     {{"d.example", "MX", "10 m.example"},
      {"m.example", "CNAME", "n.example"},
      {"n.example", "A", "192.0.2.1"}},
     "10 m.example 192.0.2.1"},
    {"U-labels are asked for as A-labels",
     {{"xn--mller-kva.example", "A", "192.0.2.1"}},
     "0 xn--mller-kva.example 192.0.2.1",
     "m\xc3\xbcller.example"},

    {"NXDOMAIN", {}, "5.1.2"},
    {"a CNAME that leads nowhere", {{"d.example", "CNAME", "e.example"}}, "5.1.2"},
    {"null MX", {{"d.example", "MX", "0 ."}, {"d.example", "A", "192.0.2.1"}}, "5.1.10"},
    {"a root beside another MX is passed over",
     {{"d.example", "MX", "0 ."},
      {"d.example", "MX", "10 m.example"},
      {"m.example", "A", "192.0.2.1"}},
     "10 m.example 192.0.2.1"},
    {"neither MX nor address", {{"d.example", "TXT", "x"}}, "5.4.4"},
    {"an empty non-terminal has neither", {{"x.d.example", "A", "192.0.2.1"}}, "5.4.4"},
    {"an MX without address; the address of the domain does not count",
     {{"d.example", "MX", "10 m.example"}, {"d.example", "A", "192.0.2.1"}},
     "5.4.4"},
    {"an MX without address beside one with",
     {{"d.example", "MX", "10 m.example"},
      {"d.example", "MX", "20 n.example"},
      {"n.example", "A", "192.0.2.1"}},
     "20 n.example 192.0.2.1"},
    {"an MX that is no name of a host",
     {{"d.example", "MX", "10 a(b.example"}, {"a(b.example", "A", "192.0.2.1"}},
     "5.4.4"},

    {"SERVFAIL for the MX",
     {{"d.example", "MX", "!SERVFAIL"}, {"d.example", "A", "192.0.2.1"}},
     "4.4.3"},
    {"time-out for the MX",
     {{"d.example", "MX", "!TIMEOUT"}, {"d.example", "A", "192.0.2.1"}},
     "4.4.3"},
    {"REFUSED for the MX",
     {{"d.example", "MX", "!REFUSED"}, {"d.example", "A", "192.0.2.1"}},
     "4.4.3"},
    {"a ring of CNAMEs",
     {{"d.example", "CNAME", "e.example"}, {"e.example", "CNAME", "d.example"}},
     "4.4.3"},
    {"SERVFAIL for A of the only MX",
     {{"d.example", "MX", "10 m.example"}, {"m.example", "A", "!SERVFAIL"}},
     "4.4.3"},
    {"SERVFAIL for A, but a AAAA",
     {{"d.example", "MX", "10 m.example"},
      {"m.example", "A", "!SERVFAIL"},
      {"m.example", "AAAA", "2001:db8::1"}},
     "10 m.example 2001:db8::1"},
    {"time-out for AAAA, but an A",
     {{"d.example", "A", "192.0.2.1"}, {"d.example", "AAAA", "!TIMEOUT"}},
     "0 d.example 192.0.2.1"},
    {"time-out for AAAA, no A", {{"d.example", "AAAA", "!TIMEOUT"}}, "4.4.3"},
    {"the better MX fails for now, the other serves",
     {{"d.example", "MX", "10 m.example"},
      {"d.example", "MX", "20 n.example"},
      {"m.example", "ANY", "!SERVFAIL"},
      {"n.example", "A", "192.0.2.1"}},
     "20 n.example 192.0.2.1"},
    {"one MX fails for now, the other has no address",
     {{"d.example", "MX", "10 m.example"},
      {"d.example", "MX", "20 n.example"},
      {"n.example", "ANY", "!SERVFAIL"}},
     "4.4.3"},

    {"ourselves by name",
     {{"d.example", "MX", "10 us.example"}, {"us.example", "A", "192.0.2.1"}},
     "5.4.6"},
    {"ourselves by address",
     {{"d.example", "MX", "10 m.example"}, {"m.example", "A", "192.0.2.99"}},
     "5.4.6"},
    {"ourselves by the name behind a CNAME",
     {{"d.example", "MX", "10 m.example"},
      {"m.example", "CNAME", "us.example"},
      {"us.example", "A", "192.0.2.1"}},
     "5.4.6"},
    {"ourselves as implicit MX", {{"us.example", "A", "192.0.2.1"}}, "5.4.6", "us.example"},
    {"a listener at another port is not ourselves",
     {{"d.example", "MX", "10 m.example"}, {"m.example", "A", "192.0.2.98"}},
     "10 m.example 192.0.2.98"},
    {"equal and higher-numbered ones go with us",
     {{"d.example", "MX", "10 a.example"},
      {"d.example", "MX", "20 us.example"},
      {"d.example", "MX", "20 b.example"},
      {"d.example", "MX", "30 c.example"},
      {"a.example", "A", "192.0.2.1"},
      {"b.example", "A", "192.0.2.2"},
      {"c.example", "A", "192.0.2.3"}},
     "10 a.example 192.0.2.1"},
    {"the same by address",
     {{"d.example", "MX", "10 a.example"},
      {"d.example", "MX", "20 m.example"},
      {"d.example", "MX", "20 b.example"},
      {"d.example", "MX", "30 c.example"},
      {"a.example", "A", "192.0.2.1"},
      {"m.example", "A", "192.0.2.7"},
      {"m.example", "A", "192.0.2.99"},
      {"b.example", "A", "192.0.2.2"},
      {"c.example", "A", "192.0.2.3"}},
     "10 a.example 192.0.2.1"},
    {"we are the best: nothing is left",
     {{"d.example", "MX", "10 us.example"},
      {"d.example", "MX", "20 b.example"},
      {"b.example", "A", "192.0.2.2"}},
     "5.4.6"},
    {"before us only a host that fails for now",
     {{"d.example", "MX", "10 a.example"},
      {"d.example", "MX", "20 us.example"},
      {"a.example", "ANY", "!SERVFAIL"}},
     "4.4.3"},
    {"before us only a host without address",
     {{"d.example", "MX", "10 a.example"}, {"d.example", "MX", "20 us.example"}},
     "5.4.6"},
    {"behind us a host that fails for now does not count",
     {{"d.example", "MX", "10 us.example"},
      {"d.example", "MX", "20 a.example"},
      {"a.example", "ANY", "!SERVFAIL"}},
     "5.4.6"},

    {"an address that is refused",
     {{"d.example", "MX", "10 m.example"}, {"m.example", "A", "127.0.0.1"}},
     "5.4.4"},
    {"an IPv4-mapped address that is refused",
     {{"d.example", "MX", "10 m.example"}, {"m.example", "AAAA", "::ffff:127.0.0.1"}},
     "5.4.4"},
    {"refused ones among others",
     {{"d.example", "MX", "10 m.example"},
      {"d.example", "MX", "20 n.example"},
      {"m.example", "A", "0.0.0.0"},
      {"m.example", "AAAA", "::1"},
      {"m.example", "AAAA", "fe80::1"},
      {"n.example", "A", "169.254.1.1"},
      {"n.example", "A", "192.0.2.1"}},
     "20 n.example 192.0.2.1"},
    {"only a refused address, and a look-up that failed",
     {{"d.example", "A", "127.0.0.1"}, {"d.example", "AAAA", "!SERVFAIL"}},
     "4.4.3"},

    {"address literal", {}, "0 [192.0.2.1] 192.0.2.1", "[192.0.2.1]"},
    {"IPv6 literal", {}, "0 [IPv6:2001:db8::1] 2001:db8::1", "[IPv6:2001:db8::1]"},
    {"literal that is refused", {}, "5.4.4", "[127.0.0.1]"},
    {"mapped literal that is refused", {}, "5.4.4", "[IPv6:::ffff:127.0.0.1]"},
    {"literal that is ourselves", {}, "5.4.6", "[192.0.2.99]"},
};

TEST(MxLookup, every_rule) {
  const LookupOptions options = sample_options();
  for (const Case& test : cases) {
    const dns::Zone zone = zone_of(test.zone);
    for (const bool backwards : {false, true}) {
      for (const std::uint64_t random : {0u, 1u, 77u}) {
        std::vector<Step> steps;
        auto search = MxLookup::by_mx(domain(test.domain), options, random, &steps);
        EXPECT_EQ(show(run(search, zone, backwards)), test.want) << test.name;
        EXPECT_FALSE(steps.empty()) << test.name;
      }
    }
  }
}

TEST(MxLookup, one_family_is_dialled) {
  const dns::Zone zone = zone_of({{"d.example", "MX", "10 m.example"},
                                  {"d.example", "MX", "20 n.example"},
                                  {"m.example", "A", "192.0.2.1"},
                                  {"n.example", "A", "192.0.2.2"},
                                  {"n.example", "AAAA", "2001:db8::2"},
                                  {"f.example", "A", "192.0.2.3"},
                                  {"f.example", "AAAA", "!SERVFAIL"},
                                  {"g.example", "AAAA", "!SERVFAIL"}});
  LookupOptions options = sample_options();
  const auto found = [&](std::string_view name) {
    auto search = MxLookup::by_mx(domain(name), options, 1);
    return show(run(search, zone));
  };
  options.dial_v4 = false;
  EXPECT_EQ(found("d.example"), "20 n.example 2001:db8::2");
  EXPECT_EQ(found("m.example"), "5.4.4");
  EXPECT_EQ(found("f.example"), "4.4.3");
  EXPECT_EQ(found("[192.0.2.1]"), "5.4.4");
  options = sample_options();
  options.dial_v6 = false;
  EXPECT_EQ(found("d.example"), "10 m.example 192.0.2.1; 20 n.example 192.0.2.2");
  EXPECT_EQ(found("g.example"), "5.4.4") << "what is not dialled cannot be waited for";
}

TEST(MxLookup, the_unspecified_address_listens_on_loopback) {
  LookupOptions options = sample_options();
  options.refuse_networks.clear();
  const auto found = [&](std::string_view listener, std::string_view literal) {
    options.listeners = {*base::Endpoint::parse(listener)};
    auto search = MxLookup::by_mx(domain(literal), options, 1);
    return search.result() ? "found" : std::string(status_of(search.result().error().why));
  };
  EXPECT_EQ(found("0.0.0.0:25", "[127.0.0.1]"), "5.4.6");
  EXPECT_EQ(found("0.0.0.0:25", "[127.1.2.3]"), "5.4.6");
  EXPECT_EQ(found("0.0.0.0:25", "[0.0.0.0]"), "5.4.6");
  EXPECT_EQ(found("0.0.0.0:25", "[IPv6:::1]"), "found");
  EXPECT_EQ(found("[::]:25", "[IPv6:::1]"), "5.4.6");
  EXPECT_EQ(found("[::]:25", "[127.0.0.1]"), "5.4.6");
  EXPECT_EQ(found("0.0.0.0:25", "[192.0.2.1]"), "found");
  EXPECT_EQ(found("0.0.0.0:26", "[127.0.0.1]"), "found");
  EXPECT_EQ(found("127.0.0.1:25", "[127.0.0.1]"), "5.4.6");
  EXPECT_EQ(found("127.0.0.1:25", "[127.0.0.2]"), "found");
}

TEST(MxLookup, a_host_named_in_via) {
  const dns::Zone zone = zone_of({{"g.example", "MX", "10 m.example"},
                                  {"g.example", "A", "127.0.0.1"},
                                  {"m.example", "A", "192.0.2.1"},
                                  {"us.example", "A", "192.0.2.99"},
                                  {"s.example", "A", "!SERVFAIL"}});
  const LookupOptions options = sample_options();
  const auto found = [&](std::string_view name, std::uint16_t port = 26) {
    auto search = MxLookup::by_address(domain(name), port, options, 1);
    return show(run(search, zone));
  };
  EXPECT_EQ(found("g.example"), "0 g.example 127.0.0.1") << "no MX, no refuse_networks";
  EXPECT_EQ(found("[127.0.0.1]"), "0 [127.0.0.1] 127.0.0.1");
  EXPECT_EQ(found("us.example", 10'025), "0 us.example 192.0.2.99") << "another port of this host";
  EXPECT_EQ(found("us.example", 25), "5.4.6");
  EXPECT_EQ(found("s.example"), "4.4.3");
  EXPECT_EQ(found("nobody.example"), "4.4.4");
}

TEST(MxLookup, hosts_and_addresses_are_bounded) {
  dns::Zone zone;
  for (int i = 0; i < 30; ++i) {
    const std::string name = "m" + std::to_string(i) + ".example";
    (void)zone.add_text("d.example", "MX", std::to_string(30 - i) + " " + name);
    for (int j = 1; j <= 11; ++j) {
      (void)zone.add_text(name, "A", "192.0.2." + std::to_string(j));
      (void)zone.add_text(name, "AAAA", "2001:db8::" + std::to_string(j));
    }
  }
  const LookupOptions options = sample_options();
  auto search = MxLookup::by_mx(domain("d.example"), options, 1);
  const auto result = run(search, zone);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->size(), mx_hosts_max);
  EXPECT_EQ(result->front().preference, 1);
  for (const Host& host : *result) {
    EXPECT_EQ(host.addresses.size(), host_addresses_max);
    EXPECT_EQ(std::ranges::count_if(host.addresses, &base::IpAddress::is_v4), 5);
  }
}

TEST(MxLookup, equals_come_in_random_order) {
  dns::Zone zone;
  for (const auto name : {"a.example", "b.example", "c.example"}) {
    (void)zone.add_text("d.example", "MX", std::string("10 ") + name);
    (void)zone.add_text(name, "A", "192.0.2.1");
    (void)zone.add_text(name, "A", "192.0.2.2");
  }
  const LookupOptions options = sample_options();
  std::map<std::string, int> first;
  std::set<std::string> orders;
  for (std::uint64_t random = 0; random < 600; ++random) {
    auto search = MxLookup::by_mx(domain("d.example"), options, random);
    const auto result = run(search, zone);
    ++first[result->front().name];
    orders.insert(show(result));
  }
  for (const auto& [name, count] : first) EXPECT_NEAR(count, 200, 60) << name;
  EXPECT_EQ(orders.size(), 6u * 8u) << "every order of hosts and addresses";
}

TEST(MxLookup, the_same_random_number_gives_the_same_order) {
  const dns::Zone zone = zone_of({{"d.example", "MX", "10 a.example"},
                                  {"d.example", "MX", "10 b.example"},
                                  {"a.example", "A", "192.0.2.1"},
                                  {"b.example", "A", "192.0.2.2"}});
  const LookupOptions options = sample_options();
  for (std::uint64_t random = 0; random < 50; ++random) {
    auto one = MxLookup::by_mx(domain("d.example"), options, random);
    auto two = MxLookup::by_mx(domain("d.example"), options, random);
    EXPECT_EQ(show(run(one, zone)), show(run(two, zone, /*backwards=*/true)));
  }
}

TEST(MxLookup, serves_as_long_as_the_shortest_answer) {
  dns::Zone zone;
  (void)zone.add_text("d.example", "MX", "10 m.example", std::chrono::seconds(100));
  (void)zone.add_text("m.example", "A", "192.0.2.1", std::chrono::seconds(20));
  const LookupOptions options = sample_options();
  auto search = MxLookup::by_mx(domain("d.example"), options, 1);
  (void)run(search, zone);
  EXPECT_EQ(search.ttl(), std::chrono::seconds(20));
}

TEST(MxLookup, answers_that_nobody_asked_for_change_nothing) {
  const dns::Zone zone =
      zone_of({{"d.example", "A", "192.0.2.1"}, {"x.example", "A", "192.0.2.9"}});
  const LookupOptions options = sample_options();
  auto search = MxLookup::by_mx(domain("d.example"), options, 1);
  const dns::Question stray{*dns::Name::parse("x.example"), dns::Type::a};
  const dns::Question mx{*dns::Name::parse("d.example"), dns::Type::mx};
  search.answer(mx, std::unexpected(dns::LookupError::timed_out));  // Not handed out yet.
  EXPECT_FALSE(search.finished());
  ASSERT_EQ(search.next_questions(), std::vector{mx});
  EXPECT_TRUE(search.next_questions().empty());
  search.answer(stray, zone.lookup(stray));
  search.answer(mx, zone.lookup(mx));
  search.answer(mx, std::unexpected(dns::LookupError::timed_out));
  EXPECT_EQ(show(run(search, zone)), "0 d.example 192.0.2.1");
}

TEST(MxLookup, replies_for_people) {
  const LookupOptions options = sample_options();
  const auto reply = [&](const dns::Zone& zone) {
    auto search = MxLookup::by_mx(domain("d.example"), options, 1);
    return run(search, zone).error().reply();
  };
  EXPECT_EQ(reply(zone_of({})), "550 5.1.2 there is no domain d.example");
  EXPECT_EQ(reply(zone_of({{"d.example", "MX", "0 ."}})),
            "556 5.1.10 d.example takes no mail: it has a null MX");
  EXPECT_EQ(reply(zone_of({{"d.example", "MX", "!TIMEOUT"}})),
            "451 4.4.3 looking for the MX records of d.example: time-out");
  EXPECT_EQ(reply(zone_of({{"d.example", "MX", "10 m.example"}, {"m.example", "A", "!REFUSED"}})),
            "451 4.4.3 looking for the addresses of m.example: REFUSED");
}

/// Whatever the zone: order, bounds, and never an address that must not be dialled.
TEST(MxLookup, random_zones_obey_the_rules) {
  const LookupOptions options = sample_options();
  const std::array<std::string_view, 6> names = {"a.example", "b.example",  "c.example",
                                                 "d.example", "us.example", "."};
  const std::array<std::string_view, 6> addresses = {"192.0.2.1", "192.0.2.99",  "127.0.0.1",
                                                     "::1",       "2001:db8::1", "192.0.2.2"};
  const std::array<std::string_view, 4> faults = {"SERVFAIL", "TIMEOUT", "REFUSED", "NXDOMAIN"};
  std::mt19937 random(11);
  for (int round = 0; round < 2'000; ++round) {
    dns::Zone zone;
    std::map<std::string, std::uint16_t> preferences;
    for (std::size_t i = random() % 5; i > 0; --i) {
      const auto preference = static_cast<std::uint16_t>(random() % 3);
      const std::string name(names[random() % names.size()]);
      (void)zone.add_text("d.example", "MX", std::to_string(preference) + " " + name);
      const auto known = preferences.try_emplace(name, preference).first;
      known->second = std::min(known->second, preference);
    }
    for (const auto name : names) {
      if (name == ".") continue;
      for (std::size_t i = random() % 3; i > 0; --i) {
        const auto address = addresses[random() % addresses.size()];
        const bool v6 = address.find(':') != std::string_view::npos;
        (void)zone.add_text(name, v6 ? "AAAA" : "A", address);
      }
      if (random() % 5 == 0) {
        const auto type = random() % 2 == 0 ? "A" : "AAAA";
        (void)zone.set_fault_text(name, type, faults[random() % faults.size()]);
      }
    }
    auto search = MxLookup::by_mx(domain("d.example"), options, random());
    const auto result = run(search, zone, random() % 2 == 0);
    if (!result) continue;
    ASSERT_FALSE(result->empty());
    EXPECT_TRUE(std::ranges::is_sorted(*result, {}, &Host::preference));
    const auto us = preferences.find("us.example");
    for (const Host& host : *result) {
      EXPECT_FALSE(host.addresses.empty());
      if (!preferences.empty()) EXPECT_EQ(preferences.at(host.name), host.preference);
      if (us != preferences.end()) EXPECT_LT(host.preference, us->second);
      for (const base::IpAddress& address : host.addresses) {
        EXPECT_FALSE(address.is_loopback());
        EXPECT_NE(address, options.listeners[0].address);
      }
    }
  }
}

}  // namespace
}  // namespace route
