#include "delivery/said_path.h"

#include <gtest/gtest.h>

#include <memory>

namespace delivery {
namespace {

grammar::Domain domain(std::string_view text) { return grammar::Domain::parse(text).value(); }

Settings settings() {
  Settings out;
  out.hostname = "d.test";
  out.lookup.hostname = domain("d.test");
  out.domains = {{domain("ours.test"), route::parse_target("discard:").value()}};
  out.honors_routes = true;
  out.reverse_routes = true;
  return out;
}

struct ReverseCase {
  std::string_view name;
  std::string_view given;
  bool by_route;
  std::string_view own;  ///< Of the recipient.
  std::string_view next_hop;
  std::string_view want;
};

const ReverseCase reverse_cases[] = {
    {"first server", "<s@a.test>", true, "", "mx:p.test", "<@d.test:s@a.test>"},
    {"next station", "<@a.test:s@a.test>", true, "", "smtp://p.test:25",
     "<@d.test,@a.test:s@a.test>"},
    {"without a route", "<s@a.test>", false, "", "mx:p.test", "<s@a.test>"},
    {"came with a route, goes on without", "<@a.test:s@a.test>", false, "", "mx:p.test",
     "<@a.test:s@a.test>"},
    {"null", "<>", true, "", "mx:p.test", "<>"},
    {"by us before", "<@p.test,@ours.test,@a.test:s@a.test>", true, "", "mx:p.test",
     "<@d.test,@a.test:s@a.test>"},
    {"into a mailbox here", "<@a.test:s@a.test>", true, "", "maildir:", "<@a.test:s@a.test>"},
    {"by LMTP", "<@a.test:s@a.test>", true, "", "lmtp:unix:/l", "<@a.test:s@a.test>"},
    {"of a list", "<@a.test:s@a.test>", true, "<owner@ours.test>", "mx:p.test",
     "<owner@ours.test>"},
};

TEST(said_path, the_reverse_path_grows_by_us_where_a_message_travels_by_a_route) {
  Settings with = settings();
  for (const ReverseCase& row : reverse_cases) {
    spool::Envelope envelope;
    envelope.reverse_path = row.given;
    envelope.recipients = {{.forward_path = "<u@z.test>",
                            .by_route = row.by_route,
                            .reverse_path = std::string(row.own)}};
    with.reverse_routes = true;
    EXPECT_EQ(said_reverse_path(with, envelope, 0, row.next_hop), row.want) << row.name;
    with.reverse_routes = false;
    EXPECT_EQ(said_reverse_path(with, envelope, 0, row.next_hop),
              row.own.empty() ? row.given : row.own)
        << row.name;
  }
}

TEST(said_path, recipients_with_one_reverse_path_share_a_transaction) {
  spool::Envelope envelope;
  envelope.recipients = {{.forward_path = "<a@z.test>"},
                         {.forward_path = "<b@z.test>"},
                         {.forward_path = "<c@z.test>", .by_route = true},
                         {.forward_path = "<d@z.test>", .reverse_path = "<owner@ours.test>"}};
  EXPECT_TRUE(same_reverse_path(envelope, 0, 1));
  EXPECT_FALSE(same_reverse_path(envelope, 0, 2));
  EXPECT_FALSE(same_reverse_path(envelope, 0, 3));
  EXPECT_FALSE(same_reverse_path(envelope, 2, 3));
}

TEST(said_path, a_gateway_hears_the_address_behind_it_and_the_one_that_was_given) {
  Settings with = settings();
  route::Rule rule{.recipient = route::AddressPattern::parse("gw.test").value(),
                   .via = route::parse_target("smtp://gw.test").value()};
  rule.rewrite = route::Rewrite::bang;
  with.routes = route::RouteTable({rule});
  with.rewrites = true;
  spool::Envelope envelope;
  envelope.recipients = {
      {.forward_path = "<a!u@gw.test>", .trusted = true},
      {.forward_path = "<a!u@gw.test>", .orcpt = "rfc822;x@y.test", .trusted = true},
      {.forward_path = "<a!u@gw.test>"},
      {.forward_path = "<u@gw.test>", .trusted = true}};
  const auto said = [&](std::uint32_t recipient, std::string_view reroute = "") {
    const SaidRecipient out = said_recipient(with, envelope, recipient, reroute);
    return out.forward_path + " " + out.orcpt;
  };
  EXPECT_EQ(said(0), "<u@a> rfc822;a!u@gw.test");
  EXPECT_EQ(said(1), "<u@a> rfc822;x@y.test");
  EXPECT_EQ(said(2), "<a!u@gw.test> ") << "not for a client that may not relay";
  EXPECT_EQ(said(3), "<u@gw.test> ");
  EXPECT_EQ(said(0, "smtp://else.test"), "<a!u@gw.test> ") << "the operator names another hop";
}

}  // namespace
}  // namespace delivery
