#include "route/decide.h"

#include <gtest/gtest.h>

namespace route {
namespace {

/// "kind next-hop" for a recipient.
std::string decision(std::string_view path, const LocalDomains& domains, const RouteTable& routes,
                     const Target* reroute = nullptr, Steps steps = nullptr) {
  const auto recipient = grammar::ForwardPath::parse(path);
  EXPECT_TRUE(recipient) << path;
  const Decision made = decide(*recipient, reroute, {domains, routes}, steps);
  const char* kind = "";
  switch (made.kind) {
    case NextHopKind::local: kind = "local"; break;
    case NextHopKind::host: kind = "host"; break;
    case NextHopKind::mx: kind = "mx"; break;
    case NextHopKind::discard: kind = "discard"; break;
    case NextHopKind::reject: kind = "reject"; break;
  }
  return std::string(kind) + " " + made.next_hop;
}

Rule rule(std::string_view pattern, std::string_view via, std::string lane = "") {
  return {AddressPattern::parse(pattern).value(), parse_target(via).value(), std::move(lane)};
}

grammar::Domain domain(std::string_view text) { return grammar::Domain::parse(text).value(); }

const LocalDomains& our_domains() {
  static const LocalDomains domains = {
      {domain("our.example"), parse_target("maildir:/m/{local}").value()},
      {domain("void.example"), parse_target("discard:").value()},
      {domain("list.example"), parse_target("lmtp:unix:/run/l").value()},
      {domain("far.example"), parse_target("lmtp:10.0.0.1:24").value()},
  };
  return domains;
}

TEST(Decide, reroute_then_route_then_domain_then_mx) {
  const RouteTable routes({
      rule("ann@our.example", "smtp://Ann.example:2525"),
      rule("*.uucp", "smtp://gateway.example"),
      rule("dark.example", "discard:"),
      rule("bad.example", "reject:not here"),
      rule("direct.example", "mx:"),
      rule("*.example.net", "smtp://[::1]:26"),
  });
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"<bob@our.example>", "local maildir:"},
      {"<bob@OUR.example>", "local maildir:"},
      {"<ann@our.example>", "host smtp://ann.example:2525"},
      {"<a@void.example>", "discard discard:"},
      {"<a@list.example>", "local lmtp:unix:/run/l"},
      {"<a@far.example>", "host lmtp:10.0.0.1:24"},
      {"<a@b.uucp>", "host smtp://gateway.example:25"},
      {"<a@dark.example>", "discard discard:"},
      {"<a@bad.example>", "reject reject:"},
      {"<a@direct.example>", "mx mx:direct.example"},
      {"<a@x.example.net>", "host smtp://[::1]:26"},
      {"<a@Else.Example>", "mx mx:else.example"},
      {"<a@m\xc3\xbcller.example>", "mx mx:xn--mller-kva.example"},
      {"<a@[192.0.2.1]>", "mx mx:[192.0.2.1]"},
      {"<@next.example,@our.example:bob@our.example>", "mx mx:next.example"},
      {"<postmaster>", "reject reject:"},
  };
  for (const auto& [path, want] : cases) {
    EXPECT_EQ(decision(path, our_domains(), routes), want) << path;
  }
  const Target reroute = parse_target("smtp://other.example").value();
  EXPECT_EQ(decision("<bob@our.example>", our_domains(), routes, &reroute),
            "host smtp://other.example:25");
}

TEST(Decide, a_route_for_all_leaves_our_domains_alone) {
  const RouteTable routes({rule("*", "smtp://gateway.example", "bulk")});
  EXPECT_EQ(decision("<a@our.example>", our_domains(), routes), "local maildir:");
  EXPECT_EQ(decision("<a@else.example>", our_domains(), routes),
            "host smtp://gateway.example:25 in lane bulk");
  const auto path = grammar::ForwardPath::parse("<a@else.example>").value();
  EXPECT_EQ(decide(path, nullptr, {our_domains(), routes}).lane, "bulk");
}

TEST(Decide, login_and_lane_make_a_next_hop_of_its_own) {
  Rule with_login = rule("a.example", "smtps://gateway.example");
  with_login.auth = std::make_shared<RouteAuth>(RouteAuth{"u", "/etc/password"});
  Rule with_both = rule("b.example", "smtps://gateway.example", "bulk");
  with_both.auth = with_login.auth;
  const RouteTable routes({with_login, with_both, rule("c.example", "smtps://gateway.example"),
                           rule("d.example", "mx:", "slow")});
  const std::pair<std::string_view, std::string_view> hops[] = {
      {"<x@a.example>", "host smtps://gateway.example:465 as u (/etc/password)"},
      {"<x@b.example>", "host smtps://gateway.example:465 as u (/etc/password) in lane bulk"},
      {"<x@c.example>", "host smtps://gateway.example:465"},
      {"<x@d.example>", "mx mx:d.example in lane slow"},
  };
  for (const auto& [path, want] : hops) {
    EXPECT_EQ(decision(path, our_domains(), routes), want) << path;
  }
  const auto path = grammar::ForwardPath::parse("<x@a.example>").value();
  EXPECT_EQ(decide(path, nullptr, {our_domains(), routes}).auth, with_login.auth);
}

TEST(Decide, asks_where_the_message_comes_from) {
  Rule bulk = rule("*", "smtp://bulk.example");
  bulk.sender = SenderPattern::parse("news@our.example").value();
  const RouteTable routes({bulk});
  const auto path = grammar::ForwardPath::parse("<a@else.example>").value();
  const Origin origin{
      .sender = grammar::Mailbox::parse("News@our.example").value(), .client = {}, .user = {}};
  EXPECT_EQ(decide(path, nullptr, {our_domains(), routes, &origin}).next_hop,
            "smtp://bulk.example:25");
  EXPECT_EQ(decide(path, nullptr, {our_domains(), routes}).next_hop, "mx:else.example");
}

TEST(Decide, explains_itself) {
  std::vector<Step> steps;
  (void)decision("<a@our.example>", our_domains(), RouteTable({rule("*", "discard:")}), nullptr,
                 &steps);
  const std::vector<Step> want = {
      {"[[route]] 1: *", "does not name this domain, which is ours"},
      {"[[domain]]", "our.example is here: maildir:/m/{local}"},
  };
  EXPECT_EQ(steps, want);
  steps.clear();
  (void)decision("<a@[192.0.2.1]>", our_domains(), RouteTable(), nullptr, &steps);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].what, "MX");
}

TEST(Decide, a_source_route_leads_to_its_first_host_as_mail_for_that_domain_does) {
  const RouteTable routes({
      rule("u@next.example", "discard:"),
      rule("next.example", "smtp://gateway.example"),
      rule("z.example", "discard:"),
      rule("bad.example", "reject:not there"),
      rule("bob@y.example", "reject:not to bob"),
  });
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"<@next.example:u@x.example>", "host smtp://gateway.example:25"},
      {"<@NEXT.example,@z.example:u@x.example>", "host smtp://gateway.example:25"},
      {"<@other.example:u@z.example>", "mx mx:other.example"},
      {"<@other.example:ann@y.example>", "mx mx:other.example"},
      {"<@[192.0.2.1]:u@z.example>", "mx mx:[192.0.2.1]"},
      {"<@bad.example:u@x.example>", "reject reject:"},
      {"<@other.example,@bad.example:u@x.example>", "reject reject:"},
      {"<@other.example:u@bad.example>", "reject reject:"},
      {"<@other.example:bob@y.example>", "reject reject:"},
      {"<@other.example:u@our.example>", "mx mx:other.example"},
  };
  for (const auto& [path, want] : cases) {
    EXPECT_EQ(decision(path, our_domains(), routes), want) << path;
  }
  const RouteTable all({rule("*", "reject:closed")});
  EXPECT_EQ(decision("<@other.example:u@our.example>", our_domains(), all), "reject reject:");
}

TEST(Decide, a_gateways_address_is_rewritten_for_those_who_may_relay) {
  Rule gateway = rule("gw.example", "smtp://gw.example");
  gateway.rewrite = Rewrite::percent;
  const RouteTable routes({gateway, rule("bad.example", "reject:not there")});
  const auto said = [&](std::string_view path, bool may_rewrite) {
    const Decision made = decide(*grammar::ForwardPath::parse(path), nullptr,
                                 {.domains = our_domains(),
                                  .routes = routes,
                                  .origin = nullptr,
                                  .may_rewrite = may_rewrite});
    if (made.kind == NextHopKind::reject) return std::string("reject");
    return made.rewritten ? made.rewritten->print() : std::string("as it is");
  };
  EXPECT_EQ(said("<u%far.example@gw.example>", true), "u@far.example");
  EXPECT_EQ(said("<u%far.example@gw.example>", false), "as it is");
  EXPECT_EQ(said("<u@gw.example>", true), "as it is");
  EXPECT_EQ(said("<u%bad.example@gw.example>", true), "reject");
  EXPECT_EQ(said("<u%bad.example@gw.example>", false), "as it is");
  EXPECT_EQ(said("<u%far.example@else.example>", true), "as it is");
  EXPECT_EQ(said("<@gw.example:u%far.example@z.example>", true), "as it is");
}

}  // namespace
}  // namespace route
