#include "smtp/client_session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/base64.h"
#include "smtp/client_session_testing.h"

namespace smtp {
namespace {

using namespace client_test;

Transaction all_or_nothing(Transaction t) {
  t.all_or_nothing = true;
  return t;
}
Transaction eight_bit(Transaction t) {
  t.eight_bit = true;
  return t;
}
Transaction utf8(Transaction t) {
  t.needs_smtputf8 = true;
  return t;
}

struct TranscriptCase {
  std::string_view name;
  Plan plan;
  std::string transcript;
  std::string want;
};

const TranscriptCase transcript_cases[] = {
    // Introductions.
    {"nothing to send", {plain, {}}, simple + bye, quit},
    {"greeting of several lines",
     {plain, {}},
     "S: 220-z.test\nS: 220 hello\nC: EHLO a.test\nS: 250 z.test\n" + bye,
     quit},
    {"HELO for a server that does not know EHLO",
     {plain, {one}},
     greeting + "S: 500 what?\nC: HELO a.test\nS: 250 z.test\n" + mail + ok + rcpt_x + ok +
         "C: DATA\n" + content + "S: 250 taken\n" + bye,
     "accepted@final dot 250 taken\n" + quit},
    {"keywords behind HELO mean nothing",
     {plain, {one}},
     greeting + "S: 550 what?\nC: HELO a.test\nS: 250-z.test\nS: 250 PIPELINING\n" + mail +
         "(lost)\n",
     "lost@MAIL\nconnection lost@MAIL\n"},
    {"HELO refused",
     {plain, {one}},
     greeting + "S: 502 no\nC: HELO a.test\nS: 550 5.7.1 go away\nC: QUIT\n",
     "refused@EHLO 550 5.7.1 go away\n"},
    {"quit without a reply", {plain, {}}, simple + "C: QUIT\n(lost)\n", "quit@QUIT\n"},
    {"quit and time-out", {plain, {}}, simple + "C: QUIT\n(time-out)\n", "quit@QUIT\n"},

    // Transactions without pipelining.
    {"one recipient",
     {plain, {one}},
     simple + mail + ok + rcpt_x + ok + "C: DATA\n" + content + "S: 250 2.0.0 taken\n" + bye,
     "accepted@final dot 250 2.0.0 taken\n" + quit},
    {"two transactions",
     {plain, {one, one}},
     simple + mail + ok + rcpt_x + ok + "C: DATA\n" + content + "S: 451 later\n" + mail + ok +
         rcpt_x + ok + "C: DATA\n" + content + "S: 250 taken\n" + bye,
     "transient@final dot 451 later\naccepted@final dot 250 taken\n" + quit},
    {"MAIL refused, and again",
     {plain, {one, one}},
     simple + mail + "S: 451 no\n" + mail + "S: 550 no\n" + bye,
     "transient@MAIL 451 no\npermanent@MAIL 550 no\n" + quit},
    {"all recipients refused, then RSET [RFC5321 4.1.1.5]",
     {plain, {three, one}},
     simple + mail + ok + rcpt_x + "S: 550 x\n" + rcpt_y + "S: 450 y\n" + rcpt_z + "S: 552 z\n" +
         "C: RSET\nS: 250 ok\n" + mail + "S: 450 no\n" + bye,
     "permanent@RCPT 550 x\ntransient@RCPT 450 y\npermanent@RCPT 552 z\ntransient@MAIL 450 no\n" +
         quit},
    {"a recipient refused, one too many",
     {plain, {three}},
     simple + mail + ok + rcpt_x + "S: 251 will forward\n" + rcpt_y + "S: 550 y\n" + rcpt_z +
         "S: 452 4.5.3 too many\nC: DATA\n" + content + "S: 250 taken\n" + bye,
     "accepted@final dot 250 taken\npermanent@RCPT 550 y\nanother@RCPT 452 4.5.3 too many\n" +
         quit},
    {"452 to the first recipient is about that one",
     {plain, {three}},
     simple + mail + ok + rcpt_x + "S: 452 full\n" + rcpt_y + "S: 250 ok\n" + rcpt_z +
         "S: 552 too many\nC: DATA\n" + content + "S: 554 no\n" + bye,
     "transient@RCPT 452 full\npermanent@final dot 554 no\nanother@RCPT 552 too many\n" + quit},
    {"RSET refused",
     {plain, {one, one}},
     simple + mail + ok + rcpt_x + "S: 550 x\nC: RSET\nS: 500 what?\n",
     "permanent@RCPT 550 x\nlost@MAIL 500 what?\nprotocol error@MAIL 500 what?\n"},
    {"DATA refused",
     {plain, {one, one}},
     simple + mail + ok + rcpt_x + ok + "C: DATA\nS: 451 no\nC: RSET\nS: 250 ok\n" + mail +
         "S: 250 ok\n" + rcpt_x + "(lost)\n",
     "transient@DATA 451 no\nlost@RCPT\nconnection lost@RCPT\n"},

    // Pipelining.
    {"pipelined",
     {plain, {one}},
     pipelining + one_ahead + ok + ok + content + "S: 250 taken\n" + bye,
     "accepted@final dot 250 taken\n" + quit},
    {"pipelined, MAIL refused",
     {plain, {three, one}},
     pipelining + three_ahead + "S: 550 5.7.1 no\nS: 503 a\nS: 503 b\nS: 503 c\nS: 503 d\n" +
         one_ahead + ok + ok + content + "S: 250 taken\n" + bye,
     "permanent@MAIL 550 5.7.1 no\npermanent@MAIL 550 5.7.1 no\npermanent@MAIL 550 5.7.1 no\n"
     "accepted@final dot 250 taken\n" +
         quit},
    {"pipelined, MAIL refused, connection lost behind it",
     {plain, {one}},
     pipelining + one_ahead + "S: 450 no\n(lost)\n",
     "transient@MAIL 450 no\nconnection lost@RCPT\n"},
    {"pipelined, recipients refused and DATA, too",
     {plain, {three, one}},
     pipelining + three_ahead + ok + "S: 550 x\nS: 550 y\nS: 450 z\nS: 554 none\nC: RSET\n" +
         one_ahead + ok + ok + ok + content + "S: 250 taken\n" + bye,
     "permanent@RCPT 550 x\npermanent@RCPT 550 y\ntransient@RCPT 450 z\n"
     "accepted@final dot 250 taken\n" +
         quit},
    {"pipelined, recipients refused but not DATA [RFC2920 3.1]",
     {plain, {one, one}},
     pipelining + one_ahead + ok + "S: 550 x\nS: 354 go\nC: .\nS: 554 none\n" + one_ahead + ok +
         ok + content + "S: 250 taken\n" + bye,
     "permanent@RCPT 550 x\naccepted@final dot 250 taken\n" + quit},
    {"a lone dot taken for a message",
     {plain, {one}},
     pipelining + one_ahead + ok + "S: 550 x\nS: 354 go\nC: .\nS: 250 taken\n" + bye,
     "permanent@RCPT 550 x\n" + quit},
    {"MAIL refused but not DATA",
     {plain, {one}},
     pipelining + one_ahead + "S: 550 no\nS: 250 x\nS: 354 go\nC: .\nS: 250 taken\n" + bye,
     "permanent@MAIL 550 no\n" + quit},
    {"pipelined, some recipients refused",
     {plain, {three}},
     pipelining + three_ahead + ok + "S: 550 x\nS: 250 y\nS: 452 z\n" + content + "S: 250 taken\n" +
         bye,
     "permanent@RCPT 550 x\naccepted@final dot 250 taken\nanother@RCPT 452 z\n" + quit},
    {"pipelined, closed between the recipients",
     {plain, {three}},
     pipelining + three_ahead + ok + "S: 550 x\nS: 421 4.3.2 stopping\n",
     "permanent@RCPT 550 x\ntransient@RCPT 421 4.3.2 stopping\ntransient@RCPT 421 4.3.2 stopping\n"
     "service closing@RCPT 421 4.3.2 stopping\n"},
    {"pipelined, lost between the recipients",
     {plain, {three}},
     pipelining + three_ahead + ok + ok + "S: 550 y\n(lost)\n",
     "lost@RCPT\npermanent@RCPT 550 y\nlost@RCPT\nconnection lost@RCPT\n"},

    // All or nothing.
    {"all or nothing: all",
     {plain, {all_or_nothing(three)}},
     pipelining + mail + rcpt_x + rcpt_y + rcpt_z + ok + ok + ok + ok + "C: DATA\n" + content +
         "S: 250 taken\n" + bye,
     "accepted@final dot 250 taken\naccepted@final dot 250 taken\naccepted@final dot 250 taken\n" +
         quit},
    {"all or nothing: nothing",
     {plain, {all_or_nothing(three)}},
     pipelining + mail + rcpt_x + rcpt_y + rcpt_z + ok + ok + "S: 550 y\n" + ok + bye,
     "abandoned@DATA\npermanent@RCPT 550 y\nabandoned@DATA\n" + quit},
    {"all or nothing: one too many",
     {plain, {all_or_nothing(three)}},
     simple + mail + ok + rcpt_x + ok + rcpt_y + ok + rcpt_z + "S: 452 z\n" + bye,
     "abandoned@DATA\nabandoned@DATA\nanother@RCPT 452 z\n" + quit},

    // Extensions.
    {"SIZE and BODY where offered [RFC1870 3] [RFC6152 2]",
     {plain, {eight_bit(one), one}},
     greeting +
         "S: 250-z.test\nS: 250-size 100\nS: 250 8bitMIME\n"
         "C: MAIL FROM:<a@a.test> SIZE=100 BODY=8BITMIME\nS: 450 a\n"
         "C: MAIL FROM:<a@a.test> SIZE=100\nS: 450 b\n" +
         bye,
     "transient@MAIL 450 a\ntransient@MAIL 450 b\n" + quit},
    {"SIZE without a limit",
     {plain, {one}},
     greeting + "S: 250-z.test\nS: 250 SIZE 0\nC: MAIL FROM:<a@a.test> SIZE=100\nS: 450 a\n" + bye,
     "transient@MAIL 450 a\n" + quit},
    {"larger than the next hop takes",
     {plain, {three}},
     greeting + "S: 250-z.test\nS: 250 SIZE 99\n" + bye,
     "refused here@MAIL 552 5.3.4 message of 100 octets, next hop takes 99\n"
     "refused here@MAIL 552 5.3.4 message of 100 octets, next hop takes 99\n"
     "refused here@MAIL 552 5.3.4 message of 100 octets, next hop takes 99\n" +
         quit},
    {"8-bit content, 7-bit next hop",
     {plain, {eight_bit(one), one}},
     simple + mail + "S: 450 a\n" + bye,
     "refused here@MAIL 554 5.6.3 next hop does not offer 8BITMIME\ntransient@MAIL 450 a\n" + quit},
    {"SMTPUTF8 where needed",
     {plain, {utf8(one), one}},
     greeting + "S: 250-z.test\nS: 250 SMTPUTF8\nC: MAIL FROM:<a@a.test> SMTPUTF8\nS: 450 a\n" +
         mail + "S: 450 b\n" + bye,
     "transient@MAIL 450 a\ntransient@MAIL 450 b\n" + quit},
    {"SMTPUTF8 not offered",
     {plain, {utf8(one)}},
     simple + bye,
     "refused here@MAIL 550 5.6.7 next hop does not offer SMTPUTF8\n" + quit},

    // TLS.
    {"STARTTLS, and what was offered before is forgotten [RFC3207 4.2]",
     {with(TlsPolicy::opportunistic), {one}},
     greeting +
         "S: 250-z.test\nS: 250-PIPELINING\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n(TLS)\n"
         "C: EHLO a.test\nS: 250-z.test\nS: 250 STARTTLS\n" +
         mail + "S: 450 a\n" + bye,
     "transient@MAIL 450 a\n" + quit},
    {"STARTTLS is not used when the policy says so",
     {plain, {}},
     greeting + "S: 250-z.test\nS: 250 STARTTLS\n" + bye,
     quit},
    {"STARTTLS is not used in TLS",
     {with(TlsPolicy::required, false, true), {}},
     greeting + "S: 250-z.test\nS: 250 STARTTLS\n" + bye,
     quit},
    {"STARTTLS not offered, opportunistic",
     {with(TlsPolicy::opportunistic), {}},
     simple + bye,
     quit},
    {"STARTTLS not offered, required",
     {with(TlsPolicy::required), {one}},
     simple + "C: QUIT\n",
     "TLS unavailable@EHLO\n"},
    {"HELO cannot give TLS",
     {with(TlsPolicy::required), {one}},
     greeting + "S: 502 no\nC: HELO a.test\nS: 250 z.test\nC: QUIT\n",
     "TLS unavailable@EHLO\n"},
    {"STARTTLS refused, opportunistic",
     {with(TlsPolicy::opportunistic), {one}},
     greeting + "S: 250-z.test\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 no\n" + mail + "S: 450 a\n" +
         bye,
     "transient@MAIL 450 a\n" + quit},
    {"STARTTLS refused, required",
     {with(TlsPolicy::required), {one}},
     greeting + "S: 250-z.test\nS: 250 STARTTLS\nC: STARTTLS\nS: 554 5.7.0 no\nC: QUIT\n",
     "TLS unavailable@STARTTLS 554 5.7.0 no\n"},
    {"STARTTLS and 421",
     {with(TlsPolicy::opportunistic), {one}},
     greeting + "S: 250-z.test\nS: 250 STARTTLS\nC: STARTTLS\nS: 421 no\n",
     "service closing@STARTTLS 421 no\n"},
    {"STARTTLS and no reply",
     {with(TlsPolicy::opportunistic), {one}},
     greeting + "S: 250-z.test\nS: 250 STARTTLS\nC: STARTTLS\n(time-out)\n",
     "timed out@STARTTLS\n"},

    // Authentication.
    {"AUTH PLAIN [RFC4616 2]",
     {with(TlsPolicy::required, true, true), {}},
     greeting +
         "S: 250-z.test\nS: 250 auth login plain SCRAM-SHA-256\n"
         "C: AUTH PLAIN AHVzZXIAcGFzcw==\nS: 235 ok\n" +
         bye,
     quit},
    {"AUTH LOGIN",
     {with(TlsPolicy::required, true, true), {}},
     greeting +
         "S: 250-z.test\nS: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\n"
         "C: dXNlcg==\nS: 334 UGFzc3dvcmQ6\nC: cGFzcw==\nS: 235 ok\n" +
         bye,
     quit},
    {"wrong password",
     {with(TlsPolicy::required, true, true), {one}},
     greeting + "S: 250-z.test\nS: 250 AUTH PLAIN\nC: AUTH PLAIN AHVzZXIAcGFzcw==\n"
                "S: 535 5.7.8 no\nC: QUIT\n",
     "authentication failed@AUTH 535 5.7.8 no\n"},
    {"a login that the mechanism does not take for one",
     {with(TlsPolicy::required, true, true), {one}},
     greeting + "S: 250-z.test\nS: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 235 fine\nC: QUIT\n",
     "authentication failed@AUTH\n"},
    {"a challenge too many is cancelled [RFC4954 4]",
     {with(TlsPolicy::required, true, true), {one}},
     greeting + "S: 250-z.test\nS: 250 AUTH PLAIN\nC: AUTH PLAIN AHVzZXIAcGFzcw==\n"
                "S: 334 more\nC: *\nC: QUIT\n",
     "authentication failed@AUTH\n"},
    {"a challenge that is no base 64",
     {with(TlsPolicy::required, true, true), {one}},
     greeting + "S: 250-z.test\nS: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 ???\nC: *\nC: QUIT\n",
     "authentication failed@AUTH\n"},
    {"the connection is lost in a login",
     {with(TlsPolicy::required, true, true), {one}},
     greeting + "S: 250-z.test\nS: 250 AUTH LOGIN\nC: AUTH LOGIN\n(lost)\n",
     "connection lost@AUTH\n"},
    {"421 to a login",
     {with(TlsPolicy::required, true, true), {one}},
     greeting + "S: 250-z.test\nS: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 421 later\n",
     "service closing@AUTH 421 later\n"},
    {"time-out of a login",
     {with(TlsPolicy::required, true, true), {one}},
     greeting + "S: 250-z.test\nS: 250 AUTH LOGIN\nC: AUTH LOGIN\n(time-out)\n",
     "timed out@AUTH\n"},
    {"AUTH not offered",
     {with(TlsPolicy::required, true, true), {one}},
     simple + "C: QUIT\n",
     "authentication failed@EHLO\n"},
    {"credentials are never sent without TLS",
     {with(TlsPolicy::opportunistic, true), {one}},
     greeting + "S: 250-z.test\nS: 250 AUTH PLAIN\nC: QUIT\n",
     "authentication failed@EHLO\n"},
    {"AUTH offered before TLS only",
     {with(TlsPolicy::opportunistic, true), {one}},
     greeting + "S: 250-z.test\nS: 250-STARTTLS\nS: 250 AUTH PLAIN\nC: STARTTLS\nS: 220 go\n(TLS)\n"
                "C: EHLO a.test\nS: 250 z.test\nC: QUIT\n",
     "authentication failed@EHLO\n"},
};

std::size_t octets_served(const std::string& transcript) {
  std::size_t octets = 0;
  for (std::size_t at = 0; (at = transcript.find("S: ", at)) != transcript.npos; ++at) {
    octets += transcript.find('\n', at) - at - 3 + 2;
  }
  return octets;
}

TEST(client_session, transcripts_are_as_in_the_table_whatever_the_cut) {
  for (const TranscriptCase& row : transcript_cases) {
    SCOPED_TRACE(row.name);
    for (std::size_t cut = 0; cut <= octets_served(row.transcript); ++cut) {
      ASSERT_EQ(run(row.plan, row.transcript, cut), row.want) << "cut at " << cut;
      ASSERT_FALSE(HasFailure()) << "cut at " << cut;
    }
  }
}

// Single questions.

TEST(client_session, octets_in_plain_text_behind_the_reply_to_starttls_end_the_session) {
  ClientSession session(with(TlsPolicy::opportunistic), Instant{});
  session.receive("220 z\r\n250-z\r\n250 STARTTLS\r\n220 go\r\n250 injected\r\n", Instant{});
  const auto event = session.next_event();
  ASSERT_TRUE(event && std::holds_alternative<Closed>(*event));
  EXPECT_EQ(std::get<Closed>(*event).reason, CloseReason::protocol_error);
  session.tls_started(Instant{});  // Too late, and harmless.
  EXPECT_TRUE(session.is_closed());
  EXPECT_FALSE(session.next_event());
}

TEST(client_session, content_is_not_asked_for_when_more_came_than_354) {
  ClientSession session(plain, Instant{});
  session.receive("220 z\r\n250-z\r\n250 PIPELINING\r\n", Instant{});
  ASSERT_TRUE(session.next_event());
  session.begin(one, Instant{});
  session.receive("250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n", Instant{});
  const auto first = session.next_event();
  ASSERT_TRUE(first && std::holds_alternative<TransactionDone>(*first));
  EXPECT_EQ(std::get<TransactionDone>(*first).recipients[0].verdict, Verdict::lost);
  const auto second = session.next_event();
  ASSERT_TRUE(second && std::holds_alternative<Closed>(*second));
  EXPECT_FALSE(session.next_event());
  session.content_progress(Instant{});  // By a driver that has not looked yet.
  session.content_ends(Instant{});
}

TEST(client_session, a_421_while_idle_closes) {
  ClientSession session(plain, Instant{});
  session.receive("220 z\r\n250 z\r\n", Instant{});
  ASSERT_TRUE(session.next_event());
  ASSERT_TRUE(session.is_ready());
  EXPECT_EQ(session.stage(), Stage::idle);
  EXPECT_EQ(session.deadline(), Instant::max());
  session.receive("421 idle for too long\r\n", Instant{});
  EXPECT_FALSE(session.is_ready());
  const auto event = session.next_event();
  ASSERT_TRUE(event && std::holds_alternative<Closed>(*event));
  EXPECT_EQ(std::get<Closed>(*event).reason, CloseReason::service_closing);
  EXPECT_EQ(std::get<Closed>(*event).stage, Stage::idle);
}

TEST(client_session, a_reply_to_nothing_closes) {
  ClientSession session(plain, Instant{});
  session.receive("220 z\r\n250 z\r\n250 again\r\n", Instant{});
  const auto event = session.next_event();
  ASSERT_TRUE(event && std::holds_alternative<Closed>(*event));
  EXPECT_EQ(std::get<Closed>(*event).reason, CloseReason::protocol_error);
}

TEST(client_session, credentials_are_marked_as_secret) {
  ClientSession session(with(TlsPolicy::off, true, true), Instant{});
  session.receive("220 z\r\n", Instant{});
  EXPECT_FALSE(session.output_is_secret());
  session.output_sent(session.output().size());
  session.receive("250-z\r\n250 AUTH PLAIN\r\n", Instant{});
  EXPECT_EQ(session.deadline(), Instant::max());  // The peer waits for us.
  session.begin_login("PLAIN", "secret", Instant{});
  EXPECT_TRUE(session.output_is_secret());
  session.output_sent(session.output().size());
  EXPECT_FALSE(session.output_is_secret());
  session.receive("334\r\n", Instant{});
  session.respond("secret", Instant{});
  EXPECT_TRUE(session.output_is_secret());
}

/// AUTH is at most as long as any command; what does not fit waits for an empty challenge.
TEST(client_session, a_long_initial_response_is_sent_when_it_is_asked_for) {  // [RFC4954 4]
  for (const std::size_t octets : {372, 373}) {
    const std::string response(octets, 'x');
    ClientSession session(with(TlsPolicy::off, true, true), Instant{});
    session.receive("220 z\r\n", Instant{});
    session.output_sent(session.output().size());
    session.receive("250-z\r\n250 AUTH XOAUTH2\r\n", Instant{});
    session.begin_login("XOAUTH2", response, Instant{});
    const std::string line(session.output());
    session.output_sent(line.size());
    if (octets == 372) {
      EXPECT_EQ(line.size(), 511u);  // In base 64 it grows by four octets.
      continue;
    }
    EXPECT_EQ(line, "AUTH XOAUTH2\r\n");
    session.receive("334 \r\n", Instant{});
    EXPECT_TRUE(session.output_is_secret());
    EXPECT_EQ(session.output(), base::base64_encode(response) + "\r\n");
  }
}

TEST(client_session, an_empty_initial_response_is_said_as_one) {  // [RFC4954 4]
  ClientSession session(with(TlsPolicy::off, true, true), Instant{});
  session.receive("220 z\r\n", Instant{});
  session.output_sent(session.output().size());
  session.receive("250-z\r\n250 AUTH EXTERNAL\r\n", Instant{});
  session.begin_login("EXTERNAL", "", Instant{});
  EXPECT_EQ(session.output(), "AUTH EXTERNAL =\r\n");
}

TEST(client_session, waits_as_long_as_the_standard_says) {  // [RFC5321 4.5.3.2]
  const Instant start{1h};
  ClientSession session(plain, start);
  EXPECT_EQ(session.deadline(), start + 5min);  // Greeting.
  session.receive("220 z\r\n250-z", start + 1min);
  EXPECT_EQ(session.deadline(), start + 6min);
  session.receive("\r\n25", start + 2min);  // Octets that trickle in prolong nothing.
  EXPECT_EQ(session.deadline(), start + 6min);
  session.receive("0 x\r\n", start + 3min);
  ASSERT_TRUE(session.next_event());
  EXPECT_EQ(session.deadline(), Instant::max());
  session.begin(one, start + 10min);
  EXPECT_EQ(session.deadline(), start + 15min);  // MAIL.
  session.receive("250 ok\r\n", start + 11min);
  EXPECT_EQ(session.deadline(), start + 16min);  // RCPT.
  session.receive("250 ok\r\n", start + 12min);
  EXPECT_EQ(session.deadline(), start + 14min);  // DATA.
  session.receive("354 go\r\n", start + 13min);
  EXPECT_EQ(session.deadline(), start + 16min);  // A block of content.
  session.content_progress(start + 14min);
  EXPECT_EQ(session.deadline(), start + 17min);
  session.content_ends(start + 15min);
  EXPECT_EQ(session.deadline(), start + 25min);  // The final dot.
  session.content_progress(start + 16min);       // Now it has been sent.
  EXPECT_EQ(session.deadline(), start + 26min);
}

TEST(client_session, a_thousand_recipients_go_in_windows) {
  std::vector<std::string> paths;
  for (int i = 0; i < 1'000; ++i) paths.push_back("<" + std::to_string(i) + "@z.test>");
  ClientSession session(plain, Instant{});
  session.receive("220 z\r\n250-z\r\n250 PIPELINING\r\n", Instant{});
  ASSERT_TRUE(session.next_event());
  session.output_sent(session.output().size());
  session.begin(to(paths), Instant{});

  std::size_t commands = 0;
  std::size_t replies = 0;
  bool data = false;
  while (!session.next_event()) {
    const std::string_view out = session.output();
    ASSERT_LE(out.size(), 20'000u);
    commands += static_cast<std::size_t>(std::ranges::count(out, '\n'));
    data = data || out.contains("DATA\r\n");
    session.output_sent(out.size());
    ASSERT_LE(commands - replies, 100u);
    ASSERT_LT(replies, commands);
    ++replies;
    session.receive(data && replies == commands ? "354 go\r\n" : "250 ok\r\n", Instant{});
  }
  EXPECT_EQ(commands, 1'002u);
  EXPECT_EQ(replies, 1'002u);
  EXPECT_EQ(session.stage(), Stage::content);
}

}  // namespace
}  // namespace smtp
