#include "smtp/client_session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace smtp {
namespace {

using namespace std::chrono_literals;
using base::Instant;

// A transcript is lines of `S: …` (sent to the session) and `C: …` (expected of it), and between
// them, instead of either: `(content)` where the driver sends content, `(final dot)` where it says
// content_ends(), `(TLS)` where it shakes hands, `(lost)`, `(time-out)`.
struct Plan {
  ClientOptions options;
  std::vector<Transaction> transactions;
  bool ends_content = true;  ///< Says content_ends() at once.
};

/// Drives a session as the delivery would, and writes down what it does.
class Driver {
 public:
  explicit Driver(Plan plan) : plan_(std::move(plan)), session_(plan_.options, now_) {}

  void serve(std::string_view octets) {
    session_.receive(octets, now_);
    work();
  }
  void lose() {
    session_.connection_lost();
    work();
  }
  void time_out() {
    ASSERT_NE(session_.deadline(), Instant::max());
    session_.tick(session_.deadline() - 1ns);
    work();
    session_.tick(session_.deadline());
    work();
  }
  void end_content() {
    session_.content_ends(now_);
    said_ += "(final dot)\n";
    work();
  }

  /// What was said since the last call, with LF line ends.
  std::string take_said() { return std::exchange(said_, {}); }
  [[nodiscard]] const std::string& outcome() const { return outcome_; }
  [[nodiscard]] const ClientSession& session() const { return session_; }

 private:
  void work() {
    say();
    while (auto event = session_.next_event()) {
      std::visit([this](const auto& e) { handle(e); }, *event);
      say();
    }
  }
  void say() {
    while (!session_.output().empty()) {
      if (session_.output()[0] != '\r') said_ += session_.output()[0];
      session_.output_sent(1);
    }
  }
  void handle(const StartTls&) {
    said_ += "(TLS)\n";
    session_.tls_started(now_);
  }
  void handle(const Ready&) { go_on(); }
  void handle(const ContentWanted&) {
    said_ += "(content)\n";
    session_.content_progress(now_);
    if (plan_.ends_content) session_.content_ends(now_);
    if (plan_.ends_content) said_ += "(final dot)\n";
  }
  void handle(const TransactionDone& done) {
    for (const RecipientResult& result : done.recipients) {
      outcome_ += name(result.verdict) + "@" + std::string(to_string(result.stage));
      if (result.reply) outcome_ += " " + one_line(*result.reply);
      outcome_ += "\n";
    }
    if (!session_.is_closed()) go_on();
  }
  void handle(const Closed& closed) {
    outcome_ += std::string(to_string(closed.reason)) + "@" + std::string(to_string(closed.stage));
    if (closed.reply) outcome_ += " " + one_line(*closed.reply);
    outcome_ += "\n";
  }
  void go_on() {
    if (next_ < plan_.transactions.size()) {
      session_.begin(plan_.transactions[next_++], now_);
    } else {
      session_.quit(now_);
    }
  }
  static std::string name(Verdict verdict) {
    switch (verdict) {
      case Verdict::accepted: return "accepted";
      case Verdict::transient: return "transient";
      case Verdict::permanent: return "permanent";
      case Verdict::another_transaction: return "another";
      case Verdict::lost: return "lost";
      case Verdict::unknown: return "unknown";
      case Verdict::refused_here: return "refused here";
      case Verdict::abandoned: return "abandoned";
    }
    return "?";
  }

  Plan plan_;
  Instant now_{1h};
  ClientSession session_;
  std::size_t next_ = 0;
  std::string said_;
  std::string outcome_;
};

/// Runs a transcript; what the server says between two client lines comes in one piece, or cut in
/// two at `cut` octets of all that it says, or (0) in single octets.
std::string run(const Plan& plan, std::string_view transcript, std::size_t cut) {
  Driver driver(plan);
  std::size_t served = 0;
  std::string pending;
  const auto flush = [&] {
    if (cut == 0) {
      for (const char c : pending) driver.serve(std::string_view(&c, 1));
    } else {
      const std::size_t first = std::min(cut > served ? cut - served : 0, pending.size());
      if (first > 0) driver.serve(std::string_view(pending).substr(0, first));
      driver.serve(std::string_view(pending).substr(first));
      served += pending.size();
    }
    pending.clear();
  };
  std::string want;
  const auto compare = [&] {
    flush();
    EXPECT_EQ(driver.take_said(), want) << transcript;
    want.clear();
  };
  while (!transcript.empty()) {
    const std::size_t end = transcript.find('\n');
    const std::string_view line = transcript.substr(0, end);
    transcript.remove_prefix(end + 1);
    if (line.starts_with("S: ")) {
      if (!want.empty()) compare();
      pending += std::string(line.substr(3)) + "\r\n";
    } else if (line == "(lost)" || line == "(time-out)" || line == "(ends)") {
      compare();
      if (line == "(lost)") driver.lose();
      if (line == "(time-out)") driver.time_out();
      if (line == "(ends)") driver.end_content();
    } else {
      want += std::string(line.starts_with("C: ") ? line.substr(3) : line) + "\n";
    }
  }
  compare();
  return driver.outcome();
}

Transaction to(std::vector<std::string> forward_paths) {
  return {.reverse_path = "<a@a.test>", .forward_paths = std::move(forward_paths), .size = 100};
}

const Transaction one = to({"<x@z.test>"});
const Transaction three = to({"<x@z.test>", "<y@z.test>", "<z@z.test>"});

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

ClientOptions with(TlsPolicy tls, bool credentials = false, bool tls_on = false) {
  ClientOptions options{.helo = "a.test", .tls = tls, .tls_on = tls_on};
  if (credentials) options.credentials = Credentials{"user", base::Secret("pass")};
  return options;
}

const ClientOptions plain = with(TlsPolicy::off);

struct TranscriptCase {
  std::string_view name;
  Plan plan;
  std::string transcript;
  std::string want;
};

const std::string greeting = "S: 220 z.test\nC: EHLO a.test\n";
const std::string simple = greeting + "S: 250 z.test\n";
const std::string pipelining = greeting + "S: 250-z.test hello\nS: 250 PIPELINING\n";
const std::string bye = "C: QUIT\nS: 221 bye\n";
const std::string quit = "quit@QUIT 221 bye\n";
const std::string mail = "C: MAIL FROM:<a@a.test>\n";
const std::string rcpt_x = "C: RCPT TO:<x@z.test>\n";
const std::string rcpt_y = "C: RCPT TO:<y@z.test>\n";
const std::string rcpt_z = "C: RCPT TO:<z@z.test>\n";
const std::string ok = "S: 250 ok\n";
const std::string content = "S: 354 go\n(content)\n(final dot)\n";
const std::string one_ahead = mail + rcpt_x + "C: DATA\n";
const std::string three_ahead = mail + rcpt_x + rcpt_y + rcpt_z + "C: DATA\n";

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
    {"AUTH LOGIN refused at once",
     {with(TlsPolicy::required, true, true), {one}},
     greeting + "S: 250-z.test\nS: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 235 fine\nC: QUIT\n",
     "authentication failed@AUTH 235 fine\n"},
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

// Every stage × everything that a server may do there.

struct StageCase {
  std::string_view name;
  std::string before;    ///< Until the stage's reply is owed.
  std::string after_ok;  ///< What the client does after `ok`; empty: a protocol error.
  std::string ok;        ///< A code of the right class that is not the usual one.
  Stage stage;
  bool refusal_closes;     ///< 4yz and 5yz end the connection.
  bool permanent_is_helo;  ///< 5yz makes us try HELO.
};

const std::string to_mail = simple + mail;
const std::string to_rcpt = to_mail + ok + rcpt_x;
const std::string to_data = to_rcpt + ok + "C: DATA\n";
const std::string to_content = to_data + "S: 354 go\n(content)\n";
const std::string to_dot = to_data + content;

const StageCase stage_cases[] = {
    {"greeting", "", "C: EHLO a.test\n", "S: 250 x\n", Stage::greeting, true, false},
    {"EHLO", greeting, mail, "S: 220 x\n", Stage::ehlo, true, true},
    {"MAIL", to_mail, rcpt_x, "S: 221 x\n", Stage::mail, false, false},
    {"RCPT", to_rcpt, "C: DATA\n", "S: 299 x\n", Stage::rcpt, false, false},
    {"DATA", to_data, "(content)\n(final dot)\n", "S: 399 x\n", Stage::data, false, false},
    {"content", to_content, "", "", Stage::content, true, false},
    {"final dot", to_dot, bye, "S: 200 x\n", Stage::final_dot, false, false},
};

class Stages : public testing::Test {
 protected:
  static bool in_transaction(const StageCase& row) { return row.stage >= Stage::mail; }
  static std::string at(const StageCase& row) { return "@" + std::string(to_string(row.stage)); }

  /// What the results of the one recipient and the end must be.
  static std::string ended(const StageCase& row, const std::string& verdict,
                           const std::string& close, const std::string& reply) {
    std::string out;
    if (in_transaction(row)) out += verdict + at(row) + reply + "\n";
    return out + close + at(row) + reply + "\n";
  }
  static std::string without_outcome(const StageCase& row) {
    return row.stage == Stage::final_dot ? "unknown" : "lost";
  }

  static void check(const StageCase& row, const std::string& more, const std::string& want) {
    Plan plan{plain, {one}};
    plan.ends_content = row.stage != Stage::content;
    for (const std::size_t cut : {std::size_t{0}, std::size_t{100'000}}) {
      EXPECT_EQ(run(plan, row.before + more, cut), want) << row.name << more;
    }
  }
};

TEST_F(Stages, another_code_of_the_right_class_is_as_good) {  // [RFC5321 4.2.1]
  for (const StageCase& row : stage_cases) {
    if (row.ok.empty()) continue;
    const bool done = row.stage == Stage::final_dot;
    Plan plan{plain, {one}};
    const std::string want = done ? "accepted@final dot 200 x\n" + quit : "";
    EXPECT_EQ(run(plan, row.before + row.ok + row.after_ok, 0), want) << row.name;
  }
}

TEST_F(Stages, refusals) {
  for (const StageCase& row : stage_cases) {
    for (const char* reply : {"450 4.2.0 x", "550 5.2.0 x"}) {
      const bool permanent = *reply == '5';
      const std::string said = std::string("S: ") + reply + "\n";
      const std::string verdict = permanent ? "permanent" : "transient";
      const std::string shown = std::string(" ") + reply;
      if (!in_transaction(row)) {
        const bool helo = permanent && row.permanent_is_helo;
        check(row, said + (helo ? "C: HELO a.test\n" : "C: QUIT\n"),
              helo ? "" : "refused" + at(row) + shown + "\n");
      } else if (row.stage == Stage::content) {  // Too early, but a refusal all the same.
        check(row, said, ended(row, verdict, "protocol error", shown));
      } else {
        check(row, said + bye, verdict + at(row) + shown + "\n" + quit);
      }
    }
  }
}

TEST_F(Stages, service_closing) {
  for (const StageCase& row : stage_cases) {
    const bool introducing = !in_transaction(row);
    check(row, std::string("S: 421 x\n") + (introducing ? "C: QUIT\n" : ""),
          ended(row, "transient", introducing ? "refused" : "service closing", " 421 x"));
  }
}

TEST_F(Stages, a_code_of_the_wrong_class_is_a_protocol_error) {
  for (const StageCase& row : stage_cases) {
    const std::string reply = row.stage == Stage::data ? "250 x" : "354 x";
    check(row, "S: " + reply + "\n",
          ended(row, without_outcome(row), "protocol error", " " + reply));
  }
}

TEST_F(Stages, a_250_before_the_final_dot_is_not_believed) {
  const StageCase& row = stage_cases[5];
  check(row, "S: 250 taken\n", ended(row, "lost", "protocol error", " 250 taken"));
}

TEST_F(Stages, garbage_loss_and_silence) {
  for (const StageCase& row : stage_cases) {
    check(row, "S: garbage\n", ended(row, without_outcome(row), "protocol error", ""));
    check(row, "S: 250-x\nS: 550 y\n", ended(row, without_outcome(row), "protocol error", ""));
    check(row, "(lost)\n", ended(row, without_outcome(row), "connection lost", ""));
    check(row, "S: 250-incomplete\n(lost)\n",
          ended(row, without_outcome(row), "connection lost", ""));
    check(row, "(time-out)\n", ended(row, without_outcome(row), "timed out", ""));
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
  EXPECT_TRUE(session.output_is_secret());
  session.output_sent(session.output().size());
  EXPECT_FALSE(session.output_is_secret());
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

struct CapabilityCase {
  std::string_view name;
  std::string_view text;
  Capabilities want;
};

const CapabilityCase capability_cases[] = {
    {"name alone", "z.test", {.extended = true}},
    {"the first line holds no keyword", "PIPELINING\nDSN", {.extended = true, .dsn = true}},
    {"empty", "", {.extended = true}},
    {"all, in any case",
     "z\nPipelining\n8BITMIME\nSMTPUTF8\nSTARTTLS\nENHANCEDSTATUSCODES\nCHUNKING\nDSN",
     {.extended = true,
      .pipelining = true,
      .eight_bit_mime = true,
      .smtputf8 = true,
      .starttls = true,
      .enhanced_status_codes = true,
      .chunking = true,
      .dsn = true}},
    {"a longer word is another keyword", "z\nPIPELINING2\nXDSN\n8BITMIME=1", {.extended = true}},
    {"SIZE", "z\nSIZE 10240000", {.extended = true, .size = true, .size_octets_max = 10'240'000}},
    {"SIZE without a number", "z\nSIZE", {.extended = true, .size = true}},
    {"SIZE 0: no limit", "z\nSIZE 0", {.extended = true, .size = true}},
    {"SIZE of 2^64 - 1",
     "z\nSIZE 18446744073709551615",
     {.extended = true, .size = true, .size_octets_max = 18'446'744'073'709'551'615u}},
    {"SIZE of 2^64", "z\nSIZE 18446744073709551616", {.extended = true, .size = true}},
    {"SIZE with rubbish", "z\nSIZE 12x", {.extended = true, .size = true}},
    {"AUTH",
     "z\nAUTH  CRAM-MD5 plain LOGIN",
     {.extended = true, .auth_plain = true, .auth_login = true}},
    {"AUTH without a mechanism of ours", "z\nAUTH PLAINER", {.extended = true}},
    {"LIMITS", "z\nLIMITS MAILMAX=5 RCPTMAX=100", {.extended = true, .recipients_max = 100}},
    {"LIMITS of nothing", "z\nLIMITS RCPTMAX=0", {.extended = true}},
};

TEST(capabilities, are_read_as_in_the_table) {
  for (const CapabilityCase& row : capability_cases) {
    EXPECT_EQ(parse_capabilities(row.text), row.want) << row.name;
  }
}

}  // namespace
}  // namespace smtp
