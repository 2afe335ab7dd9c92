#include "reception/forwarding.h"

#include <gtest/gtest.h>

#include "base/group.h"
#include "directory/snapshot.h"
#include "directory/srs.h"
#include "grammar/notify.h"
#include "smtp/server_replies.h"

namespace reception {
namespace {

namespace notify = grammar::notify;

constexpr base::WallTime today{std::chrono::days(20'000)};

grammar::Mailbox mailbox(std::string_view text) { return grammar::Mailbox::parse(text).value(); }

std::shared_ptr<const directory::Snapshot> snapshot() {
  directory::SnapshotParts out;
  out.domains = {{.name = *grammar::Domain::parse("here.test"), .deliver = "discard:"}};
  out.users.push_back(
      {.mailbox = mailbox("ann@here.test"), .password = std::nullopt, .may_send_as = {}});
  out.aliases = {
      {.address = mailbox("out@here.test"),
       .to = {mailbox("x@away.test"), mailbox("ann@here.test")},
       .local = {{.text = "|/bin/p"}, {.text = "/f"}}},
      {.address = mailbox("also@here.test"), .to = {}, .local = {{.text = "|/bin/p"}}},
      {.address = mailbox("list@here.test"), .to = {mailbox("x@away.test")}},
      {.address = mailbox("Owner-List@here.test"), .to = {mailbox("ann@here.test")}},
  };
  return std::make_shared<const directory::Snapshot>(std::move(out));
}

std::shared_ptr<const directory::Srs> srs() {
  directory::Srs::Options options{.domain = *grammar::Domain::parse("here.test"), .secrets = {}};
  options.secrets.emplace_back("a secret of 24 octets ok");
  return std::make_shared<const directory::Srs>(std::move(options));
}

class ForwardingTest : public testing::Test {
 protected:
  ForwardingTest() {
    settings_.hostname = "mx.test";
    settings_.directory = snapshot();
    settings_.srs = srs();
  }

  /// The reply as `250 2.1.5`.
  std::string propose(std::string_view path, std::uint8_t bits = 0) {
    const route::Origin origin{
        .sender = sender, .client = std::optional(client_.address), .user = {}};
    smtp::RcptCommand command{grammar::ForwardPath::parse(path).value(), bits, "rfc822;o@o.test"};
    base::Group group;
    smtp::Reply reply;
    group.spawn(run(std::move(command), origin, reply));
    return std::to_string(reply.code) + " " + smtp::to_string(reply.enhanced.value());
  }

  base::Task<> run(smtp::RcptCommand command, const route::Origin& origin, smtp::Reply& reply) {
    reply =
        (co_await recipients.propose(
             std::move(command),
             {.settings = settings_, .client = client_, .origin = origin, .ask = ask_, .now = now}))
            .reply;
  }

  /// "PATH[ TARGET][ from REVERSE-PATH]" of each.
  std::string shown() {
    std::string out;
    for (const spool::Recipient& recipient : recipients.list()) {
      out += recipient.forward_path;
      if (!recipient.target.empty()) out += " " + recipient.target;
      if (!recipient.reverse_path.empty()) out += " from " + recipient.reverse_path;
      out += "\n";
    }
    return out;
  }

  Settings settings_;
  policy::Client client_{.role = policy::ListenerRole::mx,
                         .address = base::IpAddress::parse("192.0.2.1").value()};
  AskAboutRecipient ask_;
  std::optional<grammar::Mailbox> sender = mailbox("sam@far.test");
  base::WallTime now = today;
  Recipients recipients;
};

TEST_F(ForwardingTest, what_an_alias_sends_elsewhere_has_a_sender_of_ours) {
  const std::string said = "<" + settings_.srs->rewrite(*sender, today)->print() + ">";
  EXPECT_EQ(propose("<out@here.test>"), "250 2.1.5");
  EXPECT_EQ(shown(), "<out@here.test> |/bin/p\n<out@here.test> /f\n<x@away.test> from " + said +
                         "\n<ann@here.test>\n");
}

TEST_F(ForwardingTest, a_program_that_two_aliases_lead_to_gets_one_copy) {
  settings_.srs.reset();
  EXPECT_EQ(propose("<also@here.test>"), "250 2.1.5");
  EXPECT_EQ(propose("<out@here.test>"), "250 2.1.5");
  EXPECT_EQ(shown(),
            "<also@here.test> |/bin/p\n<out@here.test> /f\n<x@away.test>\n<ann@here.test>\n");
}

TEST_F(ForwardingTest, senders_of_ours_and_nobody_are_not_rewritten) {
  for (const auto& own :
       {std::optional(mailbox("ann@here.test")), std::optional<grammar::Mailbox>(),
        std::optional(mailbox(std::string(60, 'l') + "@far.test"))}) {
    recipients.clear();
    sender = own;
    EXPECT_EQ(propose("<out@here.test>"), "250 2.1.5");
    EXPECT_EQ(shown().find("from"), std::string::npos);
  }
}

TEST_F(ForwardingTest, what_is_only_relayed_is_not_rewritten) {
  settings_.relay.domains = {*grammar::Domain::parse("backup.test")};
  EXPECT_EQ(propose("<x@backup.test>"), "250 2.1.5");
  EXPECT_EQ(shown(), "<x@backup.test>\n");
}

TEST_F(ForwardingTest, the_owner_of_a_list_takes_the_place_of_the_sender) {
  EXPECT_EQ(propose("<LIST+a@here.test>", notify::success), "250 2.1.5");
  EXPECT_EQ(shown(), "<x@away.test> from <Owner-List@here.test>\n");
  EXPECT_EQ(recipients.list()[0].notify, 0);
  EXPECT_EQ(recipients.list()[0].orcpt, "");
  ASSERT_EQ(recipients.expanded().size(), 1u);
  EXPECT_EQ(recipients.expanded()[0].forward_path, "<LIST+a@here.test>");
}

TEST_F(ForwardingTest, reports_to_a_list_stay_reports) {
  sender.reset();
  EXPECT_EQ(propose("<list@here.test>"), "250 2.1.5");
  EXPECT_EQ(shown(), "<x@away.test>\n");
  EXPECT_NE(recipients.list()[0].orcpt, "");
}

TEST_F(ForwardingTest, a_rewritten_sender_is_turned_round_without_permission) {
  const std::string address = settings_.srs->rewrite(*sender, today)->print();
  sender.reset();
  EXPECT_EQ(propose("<" + address + ">"), "250 2.1.5");
  EXPECT_EQ(shown(), "<sam@far.test>\n");
  recipients.clear();
  EXPECT_EQ(propose("<sam@far.test>"), "550 5.7.1");
  EXPECT_EQ(propose("<X" + address + ">"), "550 5.1.1");
  std::string forged = address;
  forged[6] = forged[6] == 'A' ? 'B' : 'A';
  EXPECT_EQ(propose("<" + forged + ">"), "550 5.7.1");
  now = today + std::chrono::days(22);
  EXPECT_EQ(propose("<" + address + ">"), "550 5.1.1");
  settings_.srs.reset();
  now = today;
  EXPECT_EQ(propose("<" + address + ">"), "550 5.1.1");
  EXPECT_EQ(shown(), "");
}

}  // namespace
}  // namespace reception
