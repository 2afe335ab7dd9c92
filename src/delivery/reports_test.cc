#include "delivery/reports.h"

#include "delivery/delivery_testing.h"
#include "directory/snapshot.h"
#include "grammar/header.h"

namespace delivery {
namespace {

using namespace std::chrono_literals;
namespace notify = grammar::notify;

TEST(WantsReport, table) {
  using dsn::Kind;
  struct Row {
    std::uint8_t notify;
    bool failed, delayed, success;
  };
  const Row rows[] = {
      {0, true, true, false},
      {notify::never, false, false, false},
      {notify::success, false, false, true},
      {notify::failure, true, false, false},
      {notify::delay, false, true, false},
      {notify::success | notify::failure | notify::delay, true, true, true},
      {notify::never | notify::failure, false, false, false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(wants_report(row.notify, Kind::failed), row.failed) << +row.notify;
    EXPECT_EQ(wants_report(row.notify, Kind::expired), row.failed) << +row.notify;
    EXPECT_EQ(wants_report(row.notify, Kind::delayed), row.delayed) << +row.notify;
    for (const Kind kind : {Kind::delivered, Kind::relayed, Kind::expanded}) {
      EXPECT_EQ(wants_report(row.notify, kind), row.success) << +row.notify;
    }
  }
}

TEST(LastHop, is_a_mailbox_and_no_other_mta) {
  for (const auto key :
       {"maildir:", "mbox:", "home:ann", "pipe:", "discard:", "lmtp:unix:/x", "lmtp:a:24"}) {
    EXPECT_TRUE(is_last_hop(key)) << key;
  }
  for (const auto key : {"mx:a.test", "smtp://a.test:25", "smtps://a.test:465", "reject:"}) {
    EXPECT_FALSE(is_last_hop(key)) << key;
  }
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t times = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++times;
  return times;
}

class ReportsTest : public testing::Test {
 protected:
  ReportsTest() : z(world, "z.test", "192.0.2.3"), o(world, "o.test", "192.0.2.5"), office(world) {
    o.open();
  }
  void TearDown() override { office.close(); }

  static spool::Recipient to(std::string path, std::uint8_t bits = 0, std::string orcpt = {}) {
    return {.forward_path = std::move(path), .notify = bits, .orcpt = std::move(orcpt)};
  }
  /// The only report that has come to the originator.
  std::string report() {
    EXPECT_EQ(o.contents.size(), 1u);
    return o.contents.empty() ? "" : o.contents.back();
  }

  sim::World world{2};
  FakeHost z, o;
  Office office;
};

TEST_F(ReportsTest, recipients_that_fail_together_are_told_in_one_report) {
  office.open();
  z.reply = [](const std::string& line) {
    if (line.starts_with("RCPT TO:<a@")) return "550 5.1.1 no a here";
    if (line.starts_with("RCPT TO:<b@")) return "550 5.2.1 b is away";
    return line.starts_with("RCPT TO:<n@") ? "550 5.1.1 no n here" : "";
  };
  z.open();
  spool::Envelope envelope;
  envelope.envid = "QQ 314159";
  const auto id = office.post({to("<a@z.test>", 0, "rfc822;A+2Btag@z.test"), to("<b@z.test>"),
                               to("<c@z.test>"), to("<n@z.test>", notify::never)},
                              envelope);
  office.run_for(10s);
  EXPECT_EQ(office.states(id), "gone");
  const std::string text = report();
  EXPECT_EQ(count(text, "Final-Recipient:"), 2u) << text;
  EXPECT_EQ(count(text, "Action: failed\r\n"), 2u);
  EXPECT_NE(text.find("Original-Envelope-Id: QQ 314159\r\n"), text.npos);
  EXPECT_NE(text.find("Original-Recipient: rfc822; A+tag@z.test\r\n"), text.npos);
  EXPECT_NE(text.find("Diagnostic-Code: smtp; 550 5.2.1 b is away\r\n"), text.npos);
  EXPECT_NE(text.find("z.test said: 550 5.1.1 no a here"), text.npos);
  EXPECT_EQ(text.find("The body."), text.npos) << "the header section alone";
  EXPECT_EQ(office.events("bounced"), 3u);
  EXPECT_EQ(o.commands[1], "MAIL FROM:<>");
}

TEST_F(ReportsTest, the_content_is_returned_when_that_was_asked_for) {
  office.open();
  z.reply = [](const std::string& line) { return line.starts_with("RCPT") ? "550 no" : ""; };
  z.open();
  spool::Envelope envelope;
  envelope.ret = 1;
  office.post({to("<a@z.test>")}, envelope);
  office.run_for(10s);
  EXPECT_NE(report().find("Content-Type: message/rfc822\r\n"), std::string::npos);
  EXPECT_NE(report().find("The body."), std::string::npos);
}

TEST_F(ReportsTest, success_is_told_where_that_was_asked_for) {
  office.settings.domains.emplace(*grammar::Domain::parse("here.test"),
                                  *route::parse_target("discard:"));
  office.open();
  z.open();
  office.post({to("<a@z.test>", notify::success), to("<b@z.test>"),
               to("<c@z.test>", notify::success | notify::failure)});
  office.run_for(10s);
  EXPECT_EQ(count(report(), "Action: relayed\r\n"), 2u) << report();
  o.contents.clear();
  office.post({to("<d@here.test>", notify::success), to("<e@here.test>", notify::never)});
  office.run_for(10s);
  EXPECT_EQ(count(report(), "Final-Recipient: rfc822; d@here.test"), 1u) << report();
  EXPECT_EQ(count(report(), "Action: delivered\r\n"), 1u);
  EXPECT_EQ(office.queued(), 0u);
}

TEST_F(ReportsTest, a_next_hop_that_knows_dsn_tells_of_success_itself) {
  office.open();
  z.ehlo = "250-z.test\r\n250 DSN\r\n";
  z.open();
  office.post({to("<a@z.test>", notify::success)});
  office.run_for(10s);
  EXPECT_EQ(z.contents.size(), 1u);
  EXPECT_EQ(o.contents.size(), 0u);
}

TEST_F(ReportsTest, an_expansion_is_told) {
  office.open();
  z.open();
  office.post({to("<a@z.test>"), to("<b@z.test>")}, {},
              {{.forward_path = "<list@a.test>", .orcpt = "rfc822;list@a.test"}});
  office.run_for(10s);
  EXPECT_EQ(count(report(), "Action: expanded\r\n"), 1u);
  EXPECT_EQ(count(report(), "Final-Recipient: rfc822; list@a.test\r\n"), 1u);
  EXPECT_EQ(z.contents.size(), 1u);
}

TEST_F(ReportsTest, nobody_is_told_of_what_came_with_the_null_reverse_path) {
  office.settings.queue.warn_after = 1h;
  office.open();
  z.reply = [](const std::string& line) { return line.starts_with("RCPT") ? "550 no" : ""; };
  spool::Envelope envelope;
  envelope.reverse_path = "<>";
  const auto id = office.post({to("<a@z.test>", notify::failure | notify::delay)}, envelope,
                              {{.forward_path = "<list@a.test>", .orcpt = ""}});
  office.run_for(2h);
  z.open();
  office.run_for(2h);
  EXPECT_EQ(office.states(id), "gone");
  EXPECT_EQ(office.events("bounced"), 1u);
  EXPECT_EQ(office.events("received"), 0u) << "of a report";
  EXPECT_EQ(office.queued(), 0u);
}

TEST_F(ReportsTest, a_report_that_cannot_be_delivered_ends_there) {
  office.open();
  z.reply =
      o.reply = [](const std::string& line) { return line.starts_with("RCPT") ? "550 no" : ""; };
  z.open();
  office.post({to("<a@z.test>")});
  office.run_for(1min);
  EXPECT_EQ(office.events("received"), 1u);
  EXPECT_EQ(office.events("bounced"), 2u);
  EXPECT_EQ(office.queued(), 0u);
}

TEST_F(ReportsTest, an_originator_who_is_an_alias_here_is_expanded) {
  office.settings.domains.emplace(*grammar::Domain::parse("here.test"),
                                  *route::parse_target("discard:"));
  directory::SnapshotParts parts;
  parts.domains.push_back({.name = *grammar::Domain::parse("here.test"), .deliver = "discard:"});
  parts.aliases.push_back(
      {*grammar::Mailbox::parse("us@here.test"), {*grammar::Mailbox::parse("s@o.test")}});
  office.settings.directory = std::make_shared<const directory::Snapshot>(std::move(parts));
  office.open();
  z.reply = [](const std::string& line) { return line.starts_with("RCPT") ? "550 no" : ""; };
  z.open();
  spool::Envelope envelope;
  envelope.reverse_path = "<us@here.test>";
  office.post({to("<a@z.test>")}, envelope);
  office.run_for(10s);
  EXPECT_NE(report().find("To: <us@here.test>\r\n"), std::string::npos);
}

/// The next hop refuses connections: what waits for it has no attempts of its own.
TEST_F(ReportsTest, a_delay_is_told_once_while_the_next_hop_cannot_be_reached) {
  office.settings.queue.warn_after = 4h;
  office.open();
  const auto id = office.post({to("<a@z.test>"), to("<b@z.test>", notify::failure)});
  office.run_for(4h - 1min);
  EXPECT_EQ(o.contents.size(), 0u);
  office.run_for(2min);
  const std::string text = report();
  EXPECT_EQ(count(text, "Action: delayed\r\n"), 1u) << text;
  EXPECT_EQ(count(text, "Final-Recipient: rfc822; a@z.test\r\n"), 1u);
  EXPECT_EQ(count(text, "Will-Retry-Until: "), 1u);
  EXPECT_NE(text.find("refused"), text.npos) << text;
  EXPECT_TRUE(office.statuses(id)[0].warned);
  EXPECT_FALSE(office.statuses(id)[1].warned);
  office.run_for(4h);
  office.crash();
  office.run_for(4h);
  EXPECT_EQ(o.contents.size(), 1u) << "once, also over a power cut";
  z.open();
  office.run_for(1h);
  EXPECT_EQ(office.queued(), 0u);
}

TEST_F(ReportsTest, a_delay_is_told_when_the_recipient_is_deferred) {
  office.settings.queue.warn_after = 1h;
  office.open();
  z.reply = [](const std::string& line) {
    return line.starts_with("RCPT") ? "450 4.2.1 try later" : "";
  };
  z.open();
  office.post({to("<a@z.test>", notify::delay)});
  office.run_for(1h + 1min);
  EXPECT_NE(report().find("450 4.2.1 try later"), std::string::npos);
  EXPECT_NE(report().find("Status: 4.2.1\r\n"), std::string::npos);
  office.run_for(30h);
  EXPECT_EQ(o.contents.size(), 1u) << "and failure is not told: only delay was asked for";
  EXPECT_EQ(office.events("expired"), 1u);
  EXPECT_EQ(office.queued(), 0u);
}

TEST_F(ReportsTest, what_expires_is_told_once_with_the_last_reply) {
  office.open();
  const auto id = office.post({to("<a@z.test>"), to("<b@z.test>")});
  office.run_for(24h - 1min);
  EXPECT_EQ(o.contents.size(), 0u);
  office.run_for(2min);
  EXPECT_EQ(office.states(id), "gone");
  const std::string text = report();
  EXPECT_EQ(count(text, "Action: failed\r\n"), 2u) << text;
  EXPECT_EQ(count(text, "Status: 4.4.7\r\n"), 2u);
  EXPECT_NE(text.find("refused"), text.npos);
  EXPECT_NE(text.find("times, last on"), text.npos);
  EXPECT_EQ(office.events("expired"), 2u);
}

TEST_F(ReportsTest, many_that_are_overdue_at_once_do_not_keep_others_waiting) {
  FakeHost y(world, "y.test", "192.0.2.4");
  y.open();
  office.settings.queue.warn_after = 1h;
  office.open();
  for (int i = 0; i < 500; ++i) office.post({to("<a@z.test>")});
  office.run_for(59min);
  office.machine().set_disk_latency_max(50ms);
  office.run_for(58s);
  EXPECT_EQ(o.contents.size(), 0u);
  // Some are overdue, each a commit: mail to others goes at once.
  EXPECT_EQ(world.run_while([&] { return office.events("received") < 40; }, 1h), sim::Ran::done);
  EXPECT_LT(office.events("received"), 500u);
  office.post({to("<a@y.test>")});
  const base::Instant posted = world.now();
  EXPECT_EQ(world.run_while([&] { return y.contents.empty(); }, 1h), sim::Ran::done);
  EXPECT_LT(world.now() - posted, 2s);
  office.run_for(10min);
  EXPECT_EQ(o.contents.size(), 500u);
}

}  // namespace
}  // namespace delivery
