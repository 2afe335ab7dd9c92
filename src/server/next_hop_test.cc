#include <gtest/gtest.h>

#include <optional>

#include "delivery/peer_testing.h"
#include "delivery/smtp_client.h"
#include "grammar/notify.h"
#include "server/site_testing.h"
#include "sim/world.h"

// What a next hop gets of a message, by what it offers: one server on a simulated machine, a client
// that submits one message, and a next hop that follows a script.
namespace server {
namespace {

using namespace std::chrono_literals;
using delivery::peer_test::Peer;
using delivery::peer_test::Script;
using delivery::peer_test::Step;

constexpr const char* config = R"(
hostname = "a.test"
data_dir = "/data"
[[listener]]
address = "192.0.2.1:25"
role = "mx"
[relay]
networks = ["192.0.2.9/32"]
[[domain]]
name = "here.test"
deliver = "lmtp:unix:/lmtp"
recipients = "any"
[[route]]
recipient = "lmtp.test"
via = "lmtp:192.0.2.2:2525"
[[route]]
recipient = "*"
via = "smtp://192.0.2.2:2525"
[delivery]
refuse_networks = []
[queue]
retry = ["1m"]
warn_after = ""
[admin]
address = ""
)";

class OneContent final : public delivery::ContentSource {
 public:
  explicit OneContent(const std::string& content) : piece_(content) {}
  base::Io<std::span<const std::string_view>> next() override {
    if (std::exchange(ended_, true)) return std::span<const std::string_view>();
    return std::span<const std::string_view>(&piece_, 1);
  }
  [[nodiscard]] bool at_end() const override { return ended_; }
  base::Task<base::Io<>> before_final_dot() override { co_return base::Io<>{}; }

 private:
  std::string_view piece_;
  bool ended_ = false;
};

struct Mail {
  std::vector<std::string> to = {"<x@z.test>"};
  std::string content = "Subject: x\r\n\r\nhello\r\n";
  std::vector<smtp::RecipientDsn> dsn = {};
  smtp::DsnReturn ret = smtp::DsnReturn::not_given;
  std::string envid = {};
  bool smtputf8 = false;
  bool by_unix_socket = false;
};

struct Seen {
  std::string heard;  ///< By the next hop.
  std::string log;    ///< Of the server.
  std::size_t connections = 0;

  [[nodiscard]] bool logged(std::string_view text) const { return log.contains(text); }
  [[nodiscard]] std::size_t events(std::string_view name) const {
    const std::string text = "\"event\":\"" + std::string(name) + "\"";
    std::size_t count = 0;
    for (std::size_t at = log.find(text); at != log.npos; at = log.find(text, at + 1)) ++count;
    return count;
  }
};

base::Task<> submit(sys::Net& net, engine::Timers& timers, Mail mail, bool& taken) {
  delivery::SmtpClientOptions options;
  options.session.helo = "client.test";
  auto client = co_await delivery::SmtpClient::open(
      net, timers, {"a.test", *base::Endpoint::parse("192.0.2.1:25")}, std::move(options));
  if (!client) co_return;
  OneContent source(mail.content);
  smtp::Transaction transaction;
  transaction.reverse_path = "<>";
  transaction.forward_paths = mail.to;
  transaction.dsn = mail.dsn;
  transaction.ret = mail.ret;
  transaction.envid = mail.envid;
  transaction.size = mail.content.size();
  transaction.eight_bit = true;
  transaction.needs_smtputf8 = mail.smtputf8;
  transaction.all_or_nothing = true;
  const auto results = co_await (*client)->send(std::move(transaction), source);
  taken = results.front().verdict == smtp::Verdict::accepted;
  co_await (*client)->quit();
}

/// Sends one message through the server, and waits until nothing is owed any more, or for 30 s.
Seen relay(const Mail& mail, std::vector<Script> scripts) {
  sim::World world(1);
  Site site(world, "a.test", "192.0.2.1", config);
  sim::Machine& client = world.make_machine("client.test", {"192.0.2.9"});
  sim::SimLoop& client_loop = client.make_loop("client");
  engine::Timers client_timers(client_loop);
  sim::Machine& hop = world.make_machine("z.test", {"192.0.2.2"});
  sim::SimLoop& hop_loop = mail.by_unix_socket ? site.loop() : hop.make_loop("hop");
  engine::Timers hop_timers(hop_loop);
  Peer peer(hop_loop, hop_timers, std::move(scripts));
  if (mail.by_unix_socket) {
    peer.listen_unix(site.machine().net(site.loop()), "/lmtp");
  } else {
    peer.listen(hop.net(hop_loop), *base::Endpoint::parse("192.0.2.2:2525"));
  }
  site.boot();
  EXPECT_EQ(world.run_while([&] { return !site.is_up(); }, 1h), sim::Ran::done);
  bool taken = false;
  base::Group group;
  client_loop.enter(
      [&] { group.spawn(submit(client.net(client_loop), client_timers, mail, taken)); });
  EXPECT_EQ(world.run_while([&] { return group.size() > 0; }, 1h), sim::Ran::done);
  EXPECT_TRUE(taken);
  (void)world.run_while([&] { return site.queued() > 0; }, 30s);
  EXPECT_EQ(world.run_for(6s), sim::Ran::done);  // An idle connection ends.
  Seen out{peer.heard(), site.log(), peer.connections()};
  site.shut_down();
  hop_loop.enter([&] {
    peer.stop();
    hop_timers.stop();
  });
  client_loop.enter([&] { client_timers.stop(); });
  EXPECT_EQ(world.run_while(
                [&] { return !peer.ended() || !hop_timers.idle() || !client_timers.idle(); }, 1h),
            sim::Ran::done);
  return out;
}

/// Of keywords that `|` separates.
Step ehlo(const std::string& keywords) {
  std::string reply = "250-z.test\r\n";
  for (std::size_t at = 0; at < keywords.size();) {
    const std::size_t end = std::min(keywords.find('|', at), keywords.size());
    reply += "250-" + keywords.substr(at, end - at) + "\r\n";
    at = end + 1;
  }
  return {"HLO a.test\r\n", reply + "250 PIPELINING\r\n"};
}

const Step hello = {"", "220 z.test\r\n"};
const Step lhlo = {"LHLO a.test\r\n", "250-z.test\r\n250-8BITMIME\r\n250 PIPELINING\r\n"};
const Step one_by_data = {"DATA\r\n", "250 ok\r\n250 ok\r\n354 go\r\n"};
const Step dot = {"\r\n.\r\n", "250 taken\r\n"};
const Step bye = {"QUIT\r\n", "221 bye\r\n"};

/// A hop that takes one message for one recipient by DATA.
Script taking(const std::string& keywords) {
  return {{hello, {"EHLO a.test\r\n", ehlo(keywords).says}, one_by_data, dot, bye}};
}

const std::string eight_bit =
    "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n\r\nh\xc3\xa4llo\r\n";

TEST(next_hop, eight_bit_content_goes_as_it_is_where_it_may) {
  const Seen seen = relay({.content = eight_bit}, {taking("8BITMIME|SIZE 100000")});
  EXPECT_TRUE(seen.heard.contains(" BODY=8BITMIME\r\n"));
  EXPECT_TRUE(seen.heard.contains(eight_bit));
  EXPECT_EQ(seen.events("delivered"), 1u);
}

TEST(next_hop, eight_bit_content_is_converted_where_it_must) {
  const Seen seen = relay({.content = eight_bit}, {taking("SIZE 100000")});
  EXPECT_FALSE(seen.heard.contains("BODY="));
  EXPECT_TRUE(seen.heard.contains("Content-Transfer-Encoding: quoted-printable\r\n\r\nh=C3=A4llo"));
  EXPECT_EQ(seen.events("delivered"), 1u);
}

TEST(next_hop, what_is_signed_is_not_converted_but_reported) {
  const Seen seen = relay({.content = "DKIM-Signature: v=1\r\n" + eight_bit}, {taking("HELP")});
  EXPECT_FALSE(seen.heard.contains("MAIL"));
  EXPECT_EQ(seen.events("bounced"), 1u);
  EXPECT_TRUE(seen.logged("5.6.3"));
}

TEST(next_hop, what_only_seems_to_have_eight_bits_goes_as_it_is) {
  const Seen seen = relay({}, {taking("HELP")});
  EXPECT_TRUE(seen.heard.contains("\r\n\r\nhello\r\n.\r\n"));
  EXPECT_EQ(seen.events("delivered"), 1u);
}

TEST(next_hop, smtputf8_is_demanded_when_the_header_section_needs_it) {
  const Mail mail = {.content = "Subject: \xc3\xa4\r\n\r\nx\r\n", .smtputf8 = true};
  const Seen with = relay(mail, {taking("8BITMIME|SMTPUTF8")});
  EXPECT_TRUE(with.heard.contains(" SMTPUTF8\r\n"));
  EXPECT_EQ(with.events("delivered"), 1u);
  const Seen without = relay(mail, {taking("8BITMIME")});
  EXPECT_FALSE(without.heard.contains("MAIL"));
  EXPECT_EQ(without.events("bounced"), 1u);
  EXPECT_TRUE(without.logged("5.6.7"));
}

TEST(next_hop, a_header_section_that_came_without_smtputf8_is_handed_on_as_it_came) {
  const std::string content = "From: \xff\xfe\r\n\r\nx\r\n";
  const Seen seen = relay({.content = content}, {taking("8BITMIME")});
  EXPECT_TRUE(seen.heard.contains(content));
  EXPECT_EQ(seen.events("delivered"), 1u);
  const Seen seven_bit = relay({.content = content}, {taking("HELP")});
  EXPECT_FALSE(seven_bit.heard.contains("MAIL"));
  EXPECT_TRUE(seven_bit.logged("5.6.3"));
}

TEST(next_hop, smtputf8_is_not_demanded_when_nothing_needs_it) {
  const Seen seen = relay({.to = {"<x@b\xc3\xbc"
                                  "cher.test>"},
                           .smtputf8 = true},
                          {taking("8BITMIME")});
  EXPECT_TRUE(seen.heard.contains("RCPT TO:<x@xn--bcher-kva.test>\r\n"));
  EXPECT_FALSE(seen.heard.contains("SMTPUTF8"));
  EXPECT_EQ(seen.events("delivered"), 1u);
}

TEST(next_hop, dsn_parameters_are_passed_on) {
  namespace notify = grammar::notify;
  const Mail mail = {.dsn = {{notify::success | notify::delay, "rfc822;y+2Bz@q.test"}},
                     .ret = smtp::DsnReturn::full,
                     .envid = "a b"};
  const Seen with = relay(mail, {taking("8BITMIME|DSN")});
  EXPECT_TRUE(with.heard.contains(" RET=FULL ENVID=a+20b\r\n"));
  EXPECT_TRUE(
      with.heard.contains("RCPT TO:<x@z.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;y+2Bz@q.test\r\n"));
  const Seen without = relay(mail, {taking("8BITMIME")});
  EXPECT_TRUE(without.heard.contains("RCPT TO:<x@z.test>\r\n"));
}

TEST(next_hop, content_by_bdat_keeps_its_last_line_without_an_end) {
  const Script script = {{hello,
                          {"EHLO a.test\r\n", ehlo("8BITMIME|CHUNKING").says},
                          {"RCPT TO:<x@z.test>\r\n", "250 ok\r\n250 ok\r\n"},
                          {"\r\n.hello", "250 taken\r\n"},
                          bye}};
  const Seen seen = relay({.content = "Subject: x\r\n\r\n.hello"}, {script});
  EXPECT_TRUE(seen.heard.contains(" LAST\r\n"));
  EXPECT_TRUE(seen.heard.contains("\r\n\r\n.helloQUIT"));
  EXPECT_EQ(seen.events("delivered"), 1u);
}

TEST(next_hop, limits_are_kept_and_everybody_is_served) {  // [RFC9422 4]
  const Mail mail = {.to = {"<x@z.test>", "<y@z.test>", "<z@z.test>"}};
  const Seen seen = relay(mail, {taking("8BITMIME|LIMITS MAILMAX=1 RCPTMAX=1")});
  EXPECT_EQ(seen.connections, 3u);
  EXPECT_EQ(seen.events("delivered"), 3u);
  EXPECT_EQ(seen.events("deferred"), 0u);
}

TEST(next_hop, a_message_larger_than_it_takes_is_reported_before_it_is_sent) {
  const Seen seen = relay({}, {taking("8BITMIME|SIZE 10")});
  EXPECT_FALSE(seen.heard.contains("MAIL"));
  EXPECT_EQ(seen.events("bounced"), 1u);
  EXPECT_TRUE(seen.logged("5.3.4"));
}

TEST(next_hop, lmtp_answers_for_each_recipient) {
  const Step data = {"DATA\r\n", "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"};
  const Step replies = {"\r\n.\r\n", "250 a\r\n550 5.2.1 b\r\n451 4.2.0 c\r\n"};
  for (const bool by_unix_socket : {false, true}) {
    const std::string domain = by_unix_socket ? "here.test" : "lmtp.test";
    const Mail mail = {.to = {"<x@" + domain + ">", "<y@" + domain + ">", "<z@" + domain + ">"},
                       .by_unix_socket = by_unix_socket};
    const Seen seen = relay(mail, {{{hello, lhlo, data, replies, bye}}});
    EXPECT_EQ(seen.events("delivered"), 1u) << domain;
    EXPECT_EQ(seen.events("bounced"), 1u) << domain;
    EXPECT_EQ(seen.events("deferred"), 1u) << domain;
    EXPECT_FALSE(seen.heard.contains("Return-Path")) << domain;
    EXPECT_FALSE(seen.heard.contains("Delivered-To")) << domain;
  }
}

TEST(next_hop, of_lmtp_that_ends_halfway_the_rest_is_unknown) {
  const Step data = {"DATA\r\n", "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"};
  const Seen seen = relay({.to = {"<x@lmtp.test>", "<y@lmtp.test>"}},
                          {{{hello, lhlo, data, {"\r\n.\r\n", "250 a\r\n"}}}});
  EXPECT_EQ(seen.events("delivered"), 1u);
  EXPECT_EQ(seen.events("unknown"), 1u);
}

}  // namespace
}  // namespace server
