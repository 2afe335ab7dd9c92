#include "policy/policy.h"

#include <gtest/gtest.h>

#include "policy/session_limits.h"

namespace policy {
namespace {

base::IpAddress ip(std::string_view text) { return *base::IpAddress::parse(text); }

RelayRules example() {
  RelayRules rules;
  rules.networks = {*base::Network::parse("10.0.0.0/8"), *base::Network::parse("2001:db8::/32")};
  rules.domains = {*grammar::Domain::parse("Backup.example")};
  return rules;
}

Client outside() { return {.role = ListenerRole::mx, .address = ip("192.0.2.1")}; }
Client inside() { return {.role = ListenerRole::mx, .address = ip("10.1.2.3")}; }
Client user() {
  return {.role = ListenerRole::submission, .address = ip("192.0.2.1"), .authenticated = true};
}

struct RelayCase {
  std::string_view name;
  Client client;
  bool may;
};

const RelayCase relay_cases[] = {
    {"a stranger", outside(), false},
    {"a client of our networks", inside(), true},
    {"by IPv6", {.address = ip("2001:db8::1")}, true},
    {"by an IPv4-mapped address", {.address = ip("::ffff:10.1.2.3")}, true},
    {"just below the network", {.address = ip("9.255.255.255")}, false},
    {"just above the network", {.address = ip("11.0.0.0")}, false},
    {"loopback is no exception", {.address = ip("127.0.0.1")}, false},
    {"a user", user(), true},
    {"a user by TLS",
     {.role = ListenerRole::submissions, .address = ip("192.0.2.1"), .authenticated = true},
     true},
    {"our networks mean nothing at submission",
     {.role = ListenerRole::submission, .address = ip("10.1.2.3")},
     false},
    {"nor at submissions", {.role = ListenerRole::submissions, .address = ip("10.1.2.3")}, false},
    {"submission that needs no AUTH",
     {.role = ListenerRole::submission, .address = ip("127.0.0.1"), .needs_auth = false},
     true},
    {"LMTP is the last leg, whoever comes",
     {.role = ListenerRole::lmtp, .address = ip("10.1.2.3")},
     false},
    {"an mx listener always needs a reason",
     {.role = ListenerRole::mx, .address = ip("127.0.0.1"), .needs_auth = false},
     false},
};

TEST(policy, may_relay) {
  const RelayRules rules = example();
  for (const RelayCase& row : relay_cases) {
    EXPECT_EQ(may_relay(rules, row.client), row.may) << row.name;
  }
}

TEST(policy, nobody_relays_by_default) {
  for (const std::string_view address : {"127.0.0.1", "::1", "10.0.0.1", "192.168.1.1"}) {
    EXPECT_FALSE(may_relay({}, {.address = ip(address)})) << address;
  }
}

struct SenderCase {
  std::string_view name;
  Client client;
  bool may_send_as;
  SenderVerdict want;
};

const SenderCase sender_cases[] = {
    {"mx: anybody as anybody", outside(), false, SenderVerdict::accepted},
    {"a user as itself", user(), true, SenderVerdict::accepted},
    {"a user as somebody else", user(), false, SenderVerdict::not_own_sender},
    {"submission without AUTH",
     {.role = ListenerRole::submission},
     true,
     SenderVerdict::auth_required},
    {"submissions without AUTH",
     {.role = ListenerRole::submissions},
     true,
     SenderVerdict::auth_required},
    {"from our networks, too",
     {.role = ListenerRole::submission, .address = ip("10.1.2.3")},
     true,
     SenderVerdict::auth_required},
    {"the sandbox",
     {.role = ListenerRole::submission, .needs_auth = false},
     false,
     SenderVerdict::accepted},
};

TEST(policy, judges_senders) {
  for (const SenderCase& row : sender_cases) {
    EXPECT_EQ(judge_sender(row.client, row.may_send_as), row.want) << row.name;
  }
}

struct RecipientCase {
  std::string_view name;
  Client client;
  bool source_route;
  bool local;
  bool known;
  std::string_view domain;
  std::optional<std::string_view> rejects;
  RecipientVerdict with_strip;
  RecipientVerdict with_refuse;
};

using enum RecipientVerdict;
const RecipientCase recipient_cases[] = {
    {"stranger to a mailbox here",
     outside(),
     false,
     true,
     true,
     "our.example",
     {},
     accepted,
     accepted},
    {"stranger to nobody here",
     outside(),
     false,
     true,
     false,
     "our.example",
     {},
     unknown_recipient,
     unknown_recipient},
    {"user to nobody here",
     user(),
     false,
     true,
     false,
     "our.example",
     {},
     unknown_recipient,
     unknown_recipient},
    {"stranger to elsewhere",
     outside(),
     false,
     false,
     false,
     "other.example",
     {},
     relaying_denied,
     relaying_denied},
    {"stranger to a literal",
     outside(),
     false,
     false,
     false,
     "[127.0.0.1]",
     {},
     relaying_denied,
     relaying_denied},
    {"our network to elsewhere",
     inside(),
     false,
     false,
     false,
     "other.example",
     {},
     accepted,
     accepted},
    {"user to elsewhere", user(), false, false, false, "other.example", {}, accepted, accepted},
    {"stranger to a relay domain",
     outside(),
     false,
     false,
     false,
     "BACKUP.example",
     {},
     accepted,
     accepted},
    {"below a relay domain",
     outside(),
     false,
     false,
     false,
     "sub.backup.example",
     {},
     relaying_denied,
     relaying_denied},
    {"route to a mailbox here",
     outside(),
     true,
     true,
     true,
     "our.example",
     {},
     accepted,
     source_route_refused},
    {"route to nobody here",
     outside(),
     true,
     true,
     false,
     "our.example",
     {},
     unknown_recipient,
     source_route_refused},
    {"route before permission",
     outside(),
     true,
     false,
     false,
     "other.example",
     {},
     relaying_denied,
     source_route_refused},
    {"route of a user",
     user(),
     true,
     false,
     false,
     "other.example",
     {},
     accepted,
     source_route_refused},
    {"reject route", inside(), false, false, false, "other.example", "not to them",
     rejected_by_route, rejected_by_route},
    {"reject route for a mailbox here", outside(), false, true, true, "our.example", "closed",
     rejected_by_route, rejected_by_route},
    {"permission before reject", outside(), false, false, false, "other.example", "not to them",
     relaying_denied, relaying_denied},
};

TEST(policy, judges_recipients) {
  RelayRules rules = example();
  for (const RecipientCase& row : recipient_cases) {
    const auto domain = *grammar::Domain::parse(row.domain);
    const Recipient recipient{.has_source_route = row.source_route,
                              .is_local = row.local,
                              .is_known = row.known,
                              .domain = domain,
                              .route_rejects = row.rejects};
    rules.source_routes = SourceRoutes::strip;
    const RecipientDecision got = judge_recipient(rules, row.client, recipient);
    EXPECT_EQ(got.verdict, row.with_strip) << row.name;
    EXPECT_EQ(got.text.empty(), got.verdict == accepted) << row.name;
    if (got.verdict == rejected_by_route) EXPECT_EQ(got.text, *row.rejects) << row.name;
    rules.source_routes = SourceRoutes::refuse;
    EXPECT_EQ(judge_recipient(rules, row.client, recipient).verdict, row.with_refuse) << row.name;
  }
}

struct RouteCase {
  std::string_view name;
  Client client;
  bool by_others;
  bool loops;
  bool local;
  bool known;
  std::string_view domain;
  RecipientVerdict want;
};

const RouteCase route_cases[] = {
    {"us alone, a mailbox here", outside(), false, false, true, true, "our.example", accepted},
    {"us alone, nobody here", outside(), false, false, true, false, "our.example",
     unknown_recipient},
    {"us alone, elsewhere", outside(), false, false, false, false, "other.example",
     relaying_denied},
    {"us alone, a relay domain", outside(), false, false, false, false, "backup.example", accepted},
    {"others, elsewhere", outside(), true, false, false, false, "other.example", relaying_denied},
    {"others, back to us", outside(), true, false, true, true, "our.example", relaying_denied},
    {"others, back to nobody here", outside(), true, false, true, false, "our.example",
     relaying_denied},
    {"others, a relay domain", outside(), true, false, false, false, "backup.example",
     relaying_denied},
    {"a stranger's loop", outside(), true, true, false, false, "other.example", relaying_denied},
    {"a stranger's loop of us alone", outside(), false, true, true, true, "our.example",
     source_route_loops},
    {"our network by others", inside(), true, false, false, false, "other.example", accepted},
    {"our network by others to nobody here", inside(), true, false, true, false, "our.example",
     unknown_recipient},
    {"a user by others", user(), true, false, false, false, "other.example", accepted},
    {"a user's loop", user(), true, true, false, false, "other.example", source_route_loops},
    {"LMTP by others",
     {.role = ListenerRole::lmtp},
     true,
     false,
     true,
     true,
     "our.example",
     relaying_denied},
};

TEST(policy, judges_source_routes_that_are_honored) {
  RelayRules rules = example();
  rules.source_routes = SourceRoutes::honor;
  for (const RouteCase& row : route_cases) {
    const auto domain = *grammar::Domain::parse(row.domain);
    const Recipient recipient{.has_source_route = true,
                              .goes_by_others = row.by_others,
                              .source_route_loops = row.loops,
                              .is_local = row.local,
                              .is_known = row.known,
                              .domain = domain};
    EXPECT_EQ(judge_recipient(rules, row.client, recipient).verdict, row.want) << row.name;
  }
}

TEST(session_limits, total_at_the_limit_and_one_past_it) {
  SessionLimits limits({.sessions = 3, .sessions_per_client = 2});
  EXPECT_EQ(limits.admit(ip("192.0.2.1")), Admission::admitted);
  EXPECT_EQ(limits.admit(ip("192.0.2.1")), Admission::admitted);
  EXPECT_EQ(limits.admit(ip("192.0.2.1")), Admission::too_many_of_client);
  EXPECT_EQ(limits.admit(ip("192.0.2.2")), Admission::admitted);
  EXPECT_EQ(limits.admit(ip("192.0.2.3")), Admission::too_many_sessions);
  EXPECT_EQ(limits.sessions(), 3u);
  limits.release(ip("192.0.2.1"));
  EXPECT_EQ(limits.admit(ip("192.0.2.3")), Admission::admitted);
  limits.release(ip("192.0.2.1"));
  limits.release(ip("192.0.2.2"));
  limits.release(ip("192.0.2.3"));
  EXPECT_EQ(limits.sessions(), 0u);
}

TEST(session_limits, one_ipv6_network_is_one_client) {
  SessionLimits limits({.sessions = 10, .sessions_per_client = 1});
  EXPECT_EQ(limits.admit(ip("2001:db8:0:1::1")), Admission::admitted);
  EXPECT_EQ(limits.admit(ip("2001:db8:0:1:ffff::2")), Admission::too_many_of_client);
  EXPECT_EQ(limits.admit(ip("2001:db8:0:2::1")), Admission::admitted);
  EXPECT_EQ(limits.admit(ip("192.0.2.1")), Admission::admitted);
  EXPECT_EQ(limits.admit(ip("::ffff:192.0.2.1")), Admission::too_many_of_client);
  EXPECT_EQ(limits.admit(ip("192.0.2.2")), Admission::admitted);
}

TEST(session_limits, a_lower_limit_leaves_open_sessions_alone) {
  SessionLimits limits({.sessions = 10, .sessions_per_client = 10});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(limits.admit(ip("192.0.2.1")), Admission::admitted);
  limits.set_options({.sessions = 2, .sessions_per_client = 2});
  EXPECT_EQ(limits.admit(ip("192.0.2.9")), Admission::too_many_sessions);
  for (int i = 0; i < 4; ++i) limits.release(ip("192.0.2.1"));
  EXPECT_EQ(limits.admit(ip("192.0.2.1")), Admission::admitted);
  EXPECT_EQ(limits.admit(ip("192.0.2.1")), Admission::too_many_sessions);
}

}  // namespace
}  // namespace policy
