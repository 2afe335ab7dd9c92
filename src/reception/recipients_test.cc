#include "reception/recipients.h"

#include <gtest/gtest.h>

#include "base/group.h"
#include "directory/snapshot.h"
#include "grammar/notify.h"
#include "smtp/server_replies.h"

namespace reception {
namespace {

namespace notify = grammar::notify;

grammar::Mailbox mailbox(std::string_view text) { return grammar::Mailbox::parse(text).value(); }
grammar::Domain domain(std::string_view text) { return grammar::Domain::parse(text).value(); }

directory::SnapshotParts parts() {
  directory::SnapshotParts out;
  out.domains = {{.name = domain("here.test"), .deliver = "maildir:/m/{local}"},
                 {.name = domain("behind.test"),
                  .deliver = "lmtp:unix:/lmtp",
                  .recipients = directory::Recipients::ask},
                 {.name = domain("all.test"),
                  .deliver = "maildir:/m/{local}",
                  .catch_all = mailbox("Carol@here.test")}};
  for (const std::string_view name : {"Alice@here.test", "bob@here.test", "Carol@here.test"}) {
    out.users.push_back({.mailbox = mailbox(name), .password = std::nullopt, .may_send_as = {}});
  }
  const auto alias = [&](std::string_view name, std::vector<std::string_view> to) {
    directory::Alias made{.address = mailbox(name), .to = {}};
    for (const std::string_view target : to) made.to.push_back(mailbox(target));
    out.aliases.push_back(std::move(made));
  };
  alias("one@here.test", {"alice@here.test"});
  alias("away@here.test", {"x@away.test"});
  alias("team@here.test", {"alice@here.test", "bob@here.test", "x@away.test"});
  alias("loop@here.test", {"pool@here.test"});
  alias("pool@here.test", {"loop@here.test"});
  return out;
}

route::Rule rejects(std::string_view recipient, std::string_view sender, std::string_view text) {
  route::Rule out{.recipient = route::AddressPattern::parse(recipient).value(),
                  .via = {.scheme = route::Scheme::reject, .argument = std::string(text)},
                  .lane = {}};
  if (!sender.empty()) out.sender = route::SenderPattern::parse(sender).value();
  return out;
}

Settings settings() {
  Settings out;
  out.hostname = "mx.test";
  out.directory = std::make_shared<directory::Snapshot>(parts());
  out.relay.networks = {base::Network::parse("10.0.0.0/8").value()};
  out.relay.domains = {domain("backup.test")};
  out.routes = route::RouteTable({rejects("gone.test", "", "moved away"),
                                  rejects("bob@here.test", "spam@a.test", "not from you")});
  return out;
}

class RecipientsTest : public testing::Test {
 protected:
  /// The reply code and enhanced code, as `250 2.1.5`.
  std::string propose(std::string_view path, std::uint8_t bits = 0, std::string orcpt = {}) {
    smtp::Reply reply;
    const route::Origin origin{
        .sender = sender, .client = std::optional(client.address), .user = {}};
    smtp::RcptCommand command{grammar::ForwardPath::parse(path).value(), bits, std::move(orcpt)};
    base::Group group;
    group.spawn(run(std::move(command), origin, reply));
    EXPECT_EQ(group.size(), 0u);
    return std::to_string(reply.code) + " " + smtp::to_string(reply.enhanced.value());
  }

  base::Task<> run(smtp::RcptCommand command, const route::Origin& origin, smtp::Reply& reply) {
    const RecipientAnswer answer = co_await recipients.propose(
        std::move(command),
        {.settings = settings_, .client = client, .origin = origin, .ask = ask});
    EXPECT_EQ(answer.why.empty(), answer.reply.is_positive());
    reply = answer.reply;
  }

  [[nodiscard]] std::vector<std::string> paths() {
    std::vector<std::string> out;
    for (const auto& recipient : recipients.list()) out.push_back(recipient.forward_path);
    return out;
  }

  static base::Task<AskedRecipient> answer(AskedRecipient asked) { co_return asked; }

  Settings settings_ = settings();
  policy::Client client{.role = policy::ListenerRole::mx,
                        .address = base::IpAddress::parse("192.0.2.1").value()};
  std::optional<grammar::Mailbox> sender = mailbox("a@a.test");
  std::vector<std::string> asked;
  AskAboutRecipient ask = [this](std::string target, std::string path) {
    asked.push_back(target + " " + path);
    if (path.starts_with("<known")) return answer(AskedRecipient::known);
    return answer(path.starts_with("<busy") ? AskedRecipient::unavailable
                                            : AskedRecipient::unknown);
  };
  Recipients recipients;
};

using Paths = std::vector<std::string>;

struct ReplyCase {
  std::string_view name;
  std::string_view path;
  std::string_view want;
};

const ReplyCase replies_to_strangers[] = {
    {"a mailbox", "<alice@here.test>", "250 2.1.5"},
    {"its plus address, in capitals", "<ALICE+x@HERE.TEST>", "250 2.1.5"},
    {"nobody", "<nobody@here.test>", "550 5.1.1"},
    {"postmaster", "<postmaster@here.test>", "250 2.1.5"},
    {"postmaster without a domain", "<Postmaster>", "250 2.1.5"},
    {"a backup domain", "<x@backup.test>", "250 2.1.5"},
    {"elsewhere", "<x@away.test>", "550 5.7.1"},
    {"an alias that leads elsewhere needs no permission", "<away@here.test>", "250 2.1.5"},
    {"a loop of aliases", "<loop@here.test>", "550 5.4.6"},
    {"what is caught", "<whatever@all.test>", "250 2.1.5"},
    {"asked: known", "<known@behind.test>", "250 2.1.5"},
    {"asked: unknown", "<who@behind.test>", "550 5.1.1"},
    {"asked: no answer", "<busy@behind.test>", "451 4.4.3"},
    {"percent means nothing", "<x%away.test@here.test>", "550 5.1.1"},
};

TEST_F(RecipientsTest, strangers_reach_our_domains_alone) {
  for (const ReplyCase& row : replies_to_strangers)
    EXPECT_EQ(propose(row.path), row.want) << row.name;
}

TEST_F(RecipientsTest, routes_reject_by_recipient_and_origin) {
  client.address = base::IpAddress::parse("10.0.0.1").value();
  EXPECT_EQ(propose("<x@away.test>"), "250 2.1.5");
  EXPECT_EQ(propose("<x@gone.test>"), "550 5.7.1");
  EXPECT_EQ(propose("<bob@here.test>"), "250 2.1.5");
  sender = mailbox("spam@a.test");
  EXPECT_EQ(propose("<bob@here.test>"), "550 5.7.1");
  EXPECT_EQ(propose("<team@here.test>"), "250 2.1.5") << "others of the alias may have it";
}

TEST_F(RecipientsTest, lmtp_takes_mail_for_our_domains_alone) {
  client = {.role = policy::ListenerRole::lmtp,
            .address = base::IpAddress::parse("10.0.0.1").value()};
  EXPECT_EQ(propose("<alice@here.test>"), "250 2.1.5");
  EXPECT_EQ(propose("<x@away.test>"), "550 5.7.1");
  EXPECT_EQ(propose("<x@backup.test>"), "550 5.7.1");
}

TEST_F(RecipientsTest, source_routes_are_stripped_or_refused_before_anything_else) {
  EXPECT_EQ(propose("<@a.test,@b.test:alice@here.test>"), "250 2.1.5");
  EXPECT_EQ(paths(), Paths{"<alice@here.test>"});
  settings_.relay.source_routes = policy::SourceRoutes::refuse;
  EXPECT_EQ(propose("<@a.test:x@away.test>"), "550 5.1.3");
  EXPECT_EQ(propose("<@a.test:who@behind.test>"), "550 5.1.3");
  EXPECT_TRUE(asked.empty());
}

const ReplyCase honored_for_strangers[] = {
    {"us alone, by name", "<@mx.test:alice@here.test>", "250 2.1.5"},
    {"us alone, by a domain of ours, in capitals", "<@HERE.test:bob@here.test>", "250 2.1.5"},
    {"us alone, an alias", "<@mx.test:away@here.test>", "250 2.1.5"},
    {"us alone, a backup domain", "<@mx.test:x@backup.test>", "250 2.1.5"},
    {"us alone, nobody", "<@mx.test:nobody@here.test>", "550 5.1.1"},
    {"us alone, elsewhere", "<@mx.test:x@away.test>", "550 5.7.1"},
    {"us alone, asked", "<@mx.test:who@behind.test>", "550 5.1.1"},
    {"others", "<@a.test:x@away.test>", "550 5.7.1"},
    {"us and others", "<@mx.test,@a.test:x@away.test>", "550 5.7.1"},
    {"others, back to us", "<@mx.test,@a.test:alice@here.test>", "550 5.7.1"},
    {"others, then us", "<@a.test,@mx.test:alice@here.test>", "550 5.7.1"},
    {"by a backup domain", "<@backup.test:x@backup.test>", "550 5.7.1"},
    {"by our address", "<@[192.0.2.9]:alice@here.test>", "550 5.7.1"},
};

const ReplyCase honored_for_clients_that_may_relay[] = {
    {"the next host in front", "<@a.test,@b.test:x@away.test>", "250 2.1.5"},
    {"us in front", "<@here.test,@a.test:y@away.test>", "250 2.1.5"},
    {"by another way", "<@c.test:x@away.test>", "250 2.1.5"},
    {"nobody here, by others", "<@a.test:nobody@here.test>", "550 5.1.1"},
    {"us alone, nobody", "<@mx.test:nobody@here.test>", "550 5.1.1"},
    {"a name twice", "<@a.test,@A.Test:x@away.test>", "550 5.4.6"},
    {"us twice", "<@mx.test,@a.test,@here.test:x@away.test>", "550 5.4.6"},
    {"us, but not in front", "<@a.test,@mx.test:x@away.test>", "550 5.4.6"},
    {"a mailbox that is refused", "<@a.test:x@gone.test>", "550 5.7.1"},
    {"a host that is refused", "<@a.test,@gone.test:x@away.test>", "550 5.7.1"},
    {"nobody behind, not asked", "<@a.test:who@behind.test>", "250 2.1.5"},
    {"back to us by others", "<@a.test:Alice@here.test>", "250 2.1.5"},
};

TEST_F(RecipientsTest, source_routes_are_honored_for_clients_that_may_relay) {
  settings_.relay.source_routes = policy::SourceRoutes::honor;
  for (const ReplyCase& row : honored_for_strangers) {
    EXPECT_EQ(propose(row.path), row.want) << row.name;
  }
  EXPECT_EQ(paths(),
            (Paths{"<alice@here.test>", "<bob@here.test>", "<x@away.test>", "<x@backup.test>"}));
  EXPECT_EQ(asked, Paths{"lmtp:unix:/lmtp <who@behind.test>"});
  for (const spool::Recipient& recipient : recipients.list()) {
    EXPECT_TRUE(recipient.by_route && !recipient.trusted) << recipient.forward_path;
  }
  recipients.clear();
  client.address = base::IpAddress::parse("10.0.0.1").value();
  for (const ReplyCase& row : honored_for_clients_that_may_relay) {
    EXPECT_EQ(propose(row.path), row.want) << row.name;
  }
  EXPECT_EQ(propose("<z@away.test>"), "250 2.1.5");
  EXPECT_EQ(paths(),
            (Paths{"<@a.test,@b.test:x@away.test>", "<@a.test:y@away.test>",
                   "<@a.test:who@behind.test>", "<@a.test:Alice@here.test>", "<z@away.test>"}))
      << "a mailbox that is reached twice gets one copy";
  EXPECT_EQ(asked.size(), 1u);
  EXPECT_TRUE(recipients.list().front().trusted && recipients.list().back().trusted);
  EXPECT_FALSE(recipients.list().back().by_route);
}

TEST_F(RecipientsTest, without_somebody_to_ask_the_answer_is_not_known) {
  ask = {};
  EXPECT_EQ(propose("<known@behind.test>"), "451 4.4.3");
}

TEST_F(RecipientsTest, the_server_behind_is_asked_about_what_it_would_get) {
  EXPECT_EQ(propose("<@a.test:Known+x@behind.test>"), "550 5.1.1");
  EXPECT_EQ(asked, Paths{"lmtp:unix:/lmtp <Known+x@behind.test>"});
}

TEST_F(RecipientsTest, each_mailbox_gets_one_copy) {
  for (const std::string_view path :
       {"<Alice+x@HERE.test>", "<alice@here.test>", "<one@here.test>", "<team@here.test>",
        "<postmaster>", "<POSTMASTER@here.test>", "<x@backup.test>", "<x@BACKUP.test>",
        "<X@backup.test>", "<whatever@all.test>", "<CAROL@here.test>"}) {
    EXPECT_EQ(propose(path), "250 2.1.5") << path;
  }
  EXPECT_EQ(paths(), (Paths{"<Alice+x@HERE.test>", "<bob@here.test>", "<x@away.test>",
                            "<postmaster@here.test>", "<x@backup.test>", "<X@backup.test>",
                            "<Carol@here.test>"}));
}

TEST_F(RecipientsTest, an_alias_of_one_hands_its_parameters_on) {
  EXPECT_EQ(propose("<one@here.test>", notify::success | notify::delay, "rfc822;a"), "250 2.1.5");
  EXPECT_EQ(recipients.list(),
            (std::vector<spool::Recipient>{
                {"<Alice@here.test>", notify::success | notify::delay, "rfc822;a"}}));
  EXPECT_TRUE(recipients.expanded().empty());
}

TEST_F(RecipientsTest, an_alias_of_several_keeps_success_for_itself) {
  EXPECT_EQ(propose("<Team@here.test>", notify::success, "rfc822;t"), "250 2.1.5");
  EXPECT_EQ(propose("<team@here.test>", notify::success, "rfc822;t"), "250 2.1.5");
  ASSERT_EQ(recipients.list().size(), 3u);
  for (const auto& recipient : recipients.list()) {
    EXPECT_EQ(recipient.notify, notify::never);
    EXPECT_EQ(recipient.orcpt, "rfc822;t");
  }
  ASSERT_EQ(recipients.expanded().size(), 2u) << "two spellings are two requests";
  EXPECT_EQ(recipients.expanded()[0].forward_path, "<Team@here.test>");
  EXPECT_EQ(recipients.expanded()[0].orcpt, "rfc822;t");

  recipients.clear();
  EXPECT_EQ(propose("<team@here.test>", notify::success | notify::failure), "250 2.1.5");
  EXPECT_EQ(recipients.list()[0].notify, notify::failure);
  EXPECT_EQ(recipients.expanded().size(), 1u);
  recipients.clear();
  EXPECT_EQ(propose("<team@here.test>"), "250 2.1.5");
  EXPECT_EQ(recipients.list()[0].notify, 0);
  EXPECT_TRUE(recipients.expanded().empty());
}

TEST_F(RecipientsTest, what_was_written_to_is_kept_when_something_else_takes_its_place) {
  for (const std::string_view path : {"<one@here.test>", "<w+h=y@all.test>", "<bob@here.test>"}) {
    EXPECT_EQ(propose(path), "250 2.1.5");
  }
  ASSERT_EQ(recipients.list().size(), 3u);
  EXPECT_EQ(recipients.list()[0].orcpt, "rfc822;one@here.test");
  EXPECT_EQ(recipients.list()[1].orcpt, "rfc822;w+2Bh+3Dy@all.test");
  EXPECT_EQ(recipients.list()[2].orcpt, "");
}

TEST_F(RecipientsTest, are_bounded_by_what_is_stored) {
  const std::string orcpt = "rfc822;" + std::string(490, 'x');
  std::size_t taken = 0;
  while (propose("<x" + std::to_string(taken) + "@backup.test>", 0, orcpt) == "250 2.1.5") ++taken;
  EXPECT_GT(taken, 2'000u);
  EXPECT_LT(taken * 500, recipients_octets_max);
  EXPECT_EQ(propose("<y@backup.test>"), "452 4.5.3");
  recipients.clear();
  EXPECT_EQ(propose("<y@backup.test>"), "250 2.1.5");
}

}  // namespace
}  // namespace reception
