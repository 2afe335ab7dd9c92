#include "reception/reception.h"

#include "grammar/notify.h"
#include "reception/reception_testing.h"

namespace reception::test {
namespace {

using namespace std::chrono_literals;
namespace notify = grammar::notify;

constexpr std::string_view mx = "192.0.2.1:25";
constexpr std::string_view greeting = "220 mx.test ESMTP Posthaste\r\n";

/// The code of each reply, without the lines before its last.
std::string codes(std::string_view replies) {
  std::string out;
  while (!replies.empty()) {
    const std::string_view line = replies.substr(0, replies.find("\r\n"));
    replies.remove_prefix(std::min(line.size() + 2, replies.size()));
    if (line.size() < 4 || line[3] == '-') continue;
    if (!out.empty()) out += ' ';
    out += line.substr(0, 3);
  }
  return out;
}

TEST(Reception, a_message_keeps_what_its_originator_asked_for) {
  Rig rig(share(settings()));
  Client& client = rig.connect(std::string(mx));
  EXPECT_EQ(std::exchange(client.heard, {}), greeting);
  EXPECT_EQ(codes(rig.talk(client,
                           "EHLO c\r\nMAIL FROM:<a@a.test> SMTPUTF8 RET=HDRS ENVID=x+20y\r\n"
                           "RCPT TO:<alice@here.test> NOTIFY=DELAY ORCPT=rfc822;al\r\n"
                           "RCPT TO:<team@here.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;te\r\n"
                           "RCPT TO:<who@here.test>\r\nDATA\r\nA: 1\r\n\r\nx\r\n.\r\nQUIT\r\n")),
            "250 250 250 250 550 354 250 221");
  ASSERT_EQ(rig.accepted.size(), 1u);
  const Accepted& got = rig.accepted[0];
  EXPECT_EQ(got.envelope.ret, 2);
  EXPECT_EQ(got.envelope.envid, "x y");
  EXPECT_TRUE(got.envelope.smtputf8);
  EXPECT_EQ(got.envelope.recipients,
            (std::vector<spool::Recipient>{{"<alice@here.test>", notify::delay, "rfc822;al"},
                                           {"<bob@here.test>", notify::failure, "rfc822;te"}}));
  ASSERT_EQ(got.expanded.size(), 1u);
  EXPECT_EQ(got.expanded[0].forward_path, "<team@here.test>");
  EXPECT_TRUE(got.content.ends_with("\r\nA: 1\r\n\r\nx\r\n")) << got.content;
  EXPECT_NE(got.content.find("with UTF8SMTP "), std::string::npos) << got.content;
  const Counters& counters = rig.reception().counters();
  EXPECT_EQ(counters.received, 1u);
  EXPECT_EQ(counters.rejected, 1u);
  EXPECT_EQ(counters.sessions_total, 1u);
}

struct ContentCase {
  std::string_view name;
  std::string_view said;
  std::string_view stored;  ///< Behind our Received field.
};

const ContentCase content_cases[] = {
    {"a header section", "DATA\r\nA: 1\r\n\r\nx\r\n.\r\n", "A: 1\r\n\r\nx\r\n"},
    {"a header section alone", "DATA\r\nA: 1\r\n.\r\n", "A: 1\r\n"},
    {"a blank line and a body", "DATA\r\n\r\nx\r\n.\r\n", "\r\nx\r\n"},
    {"a body alone", "DATA\r\nx\r\n.\r\n", "x\r\n"},
    {"nothing", "DATA\r\n.\r\n", ""},
    {"chunks without a last line end", "BDAT 4\r\nA: 1BDAT 4\r\n\r\n\r\nBDAT 1 LAST\r\nx",
     "A: 1\r\n\r\nx"},
    {"an empty chunk", "BDAT 0 LAST\r\n", ""},
};

TEST(Reception, stores_content_as_it_came_below_its_own_field) {
  Rig rig(share(settings()));
  Client& client = rig.connect(std::string(mx));
  EXPECT_EQ(codes(rig.talk(client, "EHLO c\r\n")), "220 250");
  for (const ContentCase& row : content_cases) {
    const std::string heard = rig.talk(
        client, "MAIL FROM:<a@a.test>\r\nRCPT TO:<alice@here.test>\r\n" + std::string(row.said));
    EXPECT_TRUE(codes(heard).ends_with("250")) << row.name << heard;
    ASSERT_FALSE(rig.accepted.empty()) << row.name;
    const std::string content = rig.accepted.back().content;
    const std::size_t end = content.find("\r\n", content.find("; "));
    EXPECT_EQ(content.substr(end + 2), row.stored) << row.name;
    rig.accepted.clear();
  }
}

TEST(Reception, submission_parts_its_fields_from_a_body_that_stands_alone) {
  Settings submission = settings();
  submission.listeners = {listener(mx, policy::ListenerRole::submission)};
  Rig rig(share(std::move(submission)));
  Client& client = rig.connect(std::string(mx));
  const std::string start = "MAIL FROM:<>\r\nRCPT TO:<bob@here.test>\r\nDATA\r\n";
  EXPECT_EQ(codes(rig.talk(client, "EHLO c\r\n" + start + "hello\r\n.\r\n" + start +
                                       "A: 1\r\nbcc: x\r\n\r\nhello\r\n.\r\n")),
            "220 250 250 250 354 250 250 250 354 250");
  ASSERT_EQ(rig.accepted.size(), 2u);
  const std::string& alone = rig.accepted[0].content;
  EXPECT_NE(alone.find("\r\nDate: "), alone.npos);
  EXPECT_TRUE(alone.ends_with(">\r\n\r\nhello\r\n")) << alone;
  EXPECT_TRUE(rig.accepted[1].content.ends_with(">\r\nA: 1\r\n\r\nhello\r\n"));
}

TEST(Reception, large_chunks_go_through_files) {
  Settings large = settings();
  large.listeners[0].options.message_size = 4u << 20;
  Rig rig(share(std::move(large)));
  Client& client = rig.connect(std::string(mx));
  const std::string line = std::string(78, 'x') + "\r\n";
  std::string content = "A: 1\r\n\r\n";
  while (content.size() < (3u << 20)) content += line;
  const std::size_t half = content.size() / 2 + 1;  // Within a line.
  client.say("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@here.test>\r\nBDAT " + std::to_string(half) +
             "\r\n" + content.substr(0, half) + "BDAT " + std::to_string(content.size() - half) +
             " LAST\r\n" + content.substr(half) + "NOOP\r\n");
  rig.pass(30s);
  EXPECT_EQ(codes(client.heard), "220 250 250 250 250 250 250");
  ASSERT_EQ(rig.accepted.size(), 1u);
}

TEST(Reception, lmtp_by_a_unix_socket) {
  Settings lmtp = settings();
  lmtp.listeners = {listener("/run/lmtp", policy::ListenerRole::lmtp)};
  lmtp.relay.networks = {base::Network::parse("0.0.0.0/0").value()};
  Rig rig(share(std::move(lmtp)));
  Client& client = rig.connect("/run/lmtp", false);
  EXPECT_EQ(codes(rig.talk(client,
                           "EHLO c\r\nLHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<alice@here.test>\r\n"
                           "RCPT TO:<x@away.test>\r\nRCPT TO:<alice@here.test>\r\n"
                           "RCPT TO:<who@here.test>\r\nDATA\r\nA: 1\r\n\r\n.\r\nQUIT\r\n")),
            "220 500 250 250 250 550 250 550 354 250 250 221");
  ASSERT_EQ(rig.accepted.size(), 1u);
  EXPECT_EQ(rig.accepted[0].envelope.recipients.size(), 1u);
  EXPECT_NE(rig.accepted[0].content.find("with LMTP "), std::string::npos);
  EXPECT_EQ(rig.accepted[0].envelope.listener, "unix:/run/lmtp");
}

TEST(Reception, more_sessions_than_the_limits_are_turned_away) {
  for (const bool in_all : {true, false}) {
    Settings few = settings();
    few.limits = {.sessions = in_all ? 3u : 100u, .sessions_per_client = in_all ? 100u : 3u};
    Rig rig(share(std::move(few)));
    std::vector<Client*> clients;
    for (int i = 0; i < 3; ++i) clients.push_back(&rig.connect(std::string(mx)));
    for (Client* client : clients) EXPECT_EQ(client->heard, greeting);
    Client& late = rig.connect(std::string(mx));
    EXPECT_EQ(late.heard, "421 4.3.2 mx.test too many connections, try again later\r\n");
    EXPECT_NE(late.ended, "");
    EXPECT_EQ(rig.talk(*clients[0], "QUIT\r\n"),
              std::string(greeting) + "221 2.0.0 mx.test closing\r\n");
    EXPECT_EQ(rig.connect(std::string(mx)).heard, greeting);
    EXPECT_EQ(rig.reception().counters().sessions_total, 5u);
  }
}

TEST(Reception, slow_clients_are_told_421) {
  Rig rig(share(settings()));
  Client& idle = rig.connect(std::string(mx));
  Client& dripping = rig.connect(std::string(mx));
  Client& in_data = rig.connect(std::string(mx));
  EXPECT_EQ(
      codes(rig.talk(in_data, "HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@here.test>\r\nDATA\r\n")),
      "220 250 250 250 354");
  Client& in_chunks = rig.connect(std::string(mx));
  EXPECT_EQ(codes(rig.talk(in_chunks, "HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@here.test>\r\n")),
            "220 250 250 250");
  for (int i = 0; i < 14; ++i) {  // Twelve minutes of single octets.
    dripping.say("N");
    in_data.say("x");
    in_chunks.say("BDAT 1\r\nx");
    rig.pass(55s);
  }
  EXPECT_TRUE(idle.heard.ends_with("421 4.4.2 mx.test waited too long, closing\r\n"));
  EXPECT_TRUE(dripping.heard.ends_with("421 4.4.2 mx.test waited too long, closing\r\n"));
  EXPECT_TRUE(in_data.heard.ends_with("421 4.4.2 mx.test waited too long, closing\r\n"));
  EXPECT_TRUE(in_chunks.heard.ends_with("421 4.4.2 mx.test waited too long, closing\r\n"));
  EXPECT_TRUE(rig.accepted.empty());
  EXPECT_EQ(rig.reception().sessions(), 0u);
}

TEST(Reception, stopping_lets_transactions_end_and_tells_the_others) {
  Rig rig(share(settings()));
  Client& idle = rig.connect(std::string(mx));
  Client& busy = rig.connect(std::string(mx));
  Client& stuck = rig.connect(std::string(mx));
  const std::string start = "HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@here.test>\r\n";
  EXPECT_EQ(codes(rig.talk(busy, start + "DATA\r\n")), "220 250 250 250 354");
  EXPECT_EQ(codes(rig.talk(stuck, start + "BDAT 3\r\nx\r\n")), "220 250 250 250 250");
  rig.stop();
  rig.pass(1s);
  EXPECT_TRUE(idle.heard.ends_with("421 4.3.2 mx.test is stopping, closing\r\n"));
  EXPECT_NE(idle.ended, "");
  EXPECT_NE(rig.connect(std::string(mx)).ended, "");
  EXPECT_EQ(codes(rig.talk(busy, "A: 1\r\n.\r\n")), "250 421");
  EXPECT_EQ(rig.accepted.size(), 1u);
  EXPECT_EQ(stuck.ended, "");
  rig.pass(Reception::stop_grace);
  EXPECT_NE(stuck.ended, "");
}

TEST(Reception, a_reload_opens_and_closes_listeners_while_sessions_live_on) {
  Settings first = settings();
  first.listeners.push_back(listener("192.0.2.1:2525", policy::ListenerRole::mx));
  Rig rig(share(std::move(first)));
  Client& old = rig.connect("192.0.2.1:2525");
  EXPECT_EQ(std::exchange(old.heard, {}), greeting);

  Settings second = settings();
  second.listeners[0].options.hostname = "new.test";
  second.listeners.insert(second.listeners.begin(),
                          listener("192.0.2.1:24", policy::ListenerRole::lmtp));
  ASSERT_TRUE(rig.reload(share(std::move(second))));
  rig.pass(100ms);
  EXPECT_EQ(rig.connect(std::string(mx)).heard, "220 new.test ESMTP Posthaste\r\n");
  Client& lmtp = rig.connect("192.0.2.1:24");
  EXPECT_EQ(codes(rig.talk(lmtp, "LHLO c\r\n")), "220 250");
  EXPECT_NE(rig.connect("192.0.2.1:2525").ended, "");
  EXPECT_EQ(codes(rig.talk(old, "HELO c\r\nQUIT\r\n")), "250 221");
  EXPECT_EQ(rig.reception().addresses().size(), 2u);
}

TEST(Reception, a_reload_that_cannot_bind_changes_nothing) {
  Rig rig(share(settings()));
  Settings bad = settings();
  bad.listeners[0].options.hostname = "bad.test";
  bad.listeners.push_back(listener("192.0.2.1:26", policy::ListenerRole::mx));
  bad.listeners.push_back(listener("203.0.113.1:25", policy::ListenerRole::mx));  // Not ours.
  const auto loaded = rig.reload(share(std::move(bad)));
  ASSERT_FALSE(loaded);
  EXPECT_TRUE(loaded.error().starts_with("cannot listen on 203.0.113.1:25: ")) << loaded.error();
  rig.pass(100ms);
  EXPECT_EQ(rig.connect(std::string(mx)).heard, greeting);
  EXPECT_NE(rig.connect("192.0.2.1:26").ended, "");
}

TEST(Reception, a_reload_changes_the_limits_of_sessions) {
  Rig rig(share(settings()));
  Client& open = rig.connect(std::string(mx));
  Settings fewer = settings();
  fewer.limits = {.sessions = 1, .sessions_per_client = 1};
  ASSERT_TRUE(rig.reload(share(std::move(fewer))));
  EXPECT_TRUE(rig.connect(std::string(mx)).heard.starts_with("421 "));
  EXPECT_EQ(codes(rig.talk(open, "NOOP\r\n")), "220 250");
}

}  // namespace
}  // namespace reception::test
