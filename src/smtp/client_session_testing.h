#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "smtp/client_session.h"

// What the tests of the client session share: a driver, transcripts and their parts.
namespace smtp::client_test {

using namespace std::chrono_literals;
using base::Instant;

// A transcript is lines of `S: …` (sent to the session) and `C: …` (expected of it), and between
// them, instead of either: `(content)` where the driver sends content, `(final dot)` where it says
// content_ends(); `(octets)` and `(last octet)` of BDAT; `(TLS)` where it shakes hands, `(lost)`,
// `(time-out)`.
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
  /// As PLAIN if it is offered, else as LOGIN.
  void handle(const LoginWanted&) {
    using namespace std::string_view_literals;
    const auto& offered = session_.capabilities().auth_mechanisms;
    if (std::ranges::find(offered, "PLAIN") != offered.end()) {
      answers_ = 2;
      return session_.begin_login("PLAIN", "\0user\0pass"sv, now_);
    }
    session_.begin_login("LOGIN", std::nullopt, now_);
  }
  void handle(const LoginChallenge&) {
    constexpr std::string_view answers[] = {"user", "pass"};
    if (answers_ == 2) return session_.abandon_login("enough");
    session_.respond(answers[answers_++], now_);
  }
  void handle(const LoginEnded&) {
    if (answers_ < 2) return session_.abandon_login("too early");
    session_.login_verified();
  }
  void handle(const Ready&) { go_on(); }
  void handle(const ContentWanted& wanted) {
    said_ += wanted.verbatim ? "(octets)\n" : "(content)\n";
    session_.content_progress(now_);
    if (!plan_.ends_content) return;
    session_.content_ends(now_);
    said_ += wanted.verbatim ? "(last octet)\n" : "(final dot)\n";
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
  std::size_t answers_ = 0;  ///< Given in the login.
  std::string said_;
  std::string outcome_;
};

/// Runs a transcript; what the server says between two client lines comes in one piece, or cut in
/// two at `cut` octets of all that it says, or (0) in single octets.
inline std::string run(const Plan& plan, std::string_view transcript, std::size_t cut) {
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

inline Transaction to(std::vector<std::string> forward_paths) {
  return {.reverse_path = "<a@a.test>", .forward_paths = std::move(forward_paths), .size = 100};
}

inline const Transaction one = to({"<x@z.test>"});
inline const Transaction three = to({"<x@z.test>", "<y@z.test>", "<z@z.test>"});

inline ClientOptions with(TlsPolicy tls, bool login = false, bool tls_on = false) {
  return {.helo = "a.test", .tls = tls, .tls_on = tls_on, .login = login};
}

inline const ClientOptions plain = with(TlsPolicy::off);

inline const std::string greeting = "S: 220 z.test\nC: EHLO a.test\n";
inline const std::string simple = greeting + "S: 250 z.test\n";
inline const std::string pipelining = greeting + "S: 250-z.test hello\nS: 250 PIPELINING\n";
inline const std::string bye = "C: QUIT\nS: 221 bye\n";
inline const std::string quit = "quit@QUIT 221 bye\n";
inline const std::string mail = "C: MAIL FROM:<a@a.test>\n";
inline const std::string rcpt_x = "C: RCPT TO:<x@z.test>\n";
inline const std::string rcpt_y = "C: RCPT TO:<y@z.test>\n";
inline const std::string rcpt_z = "C: RCPT TO:<z@z.test>\n";
inline const std::string ok = "S: 250 ok\n";
inline const std::string content = "S: 354 go\n(content)\n(final dot)\n";
inline const std::string one_ahead = mail + rcpt_x + "C: DATA\n";
inline const std::string chunk = "C: BDAT 100 LAST\n(octets)\n(last octet)\n";
inline const std::string three_ahead = mail + rcpt_x + rcpt_y + rcpt_z + "C: DATA\n";

}  // namespace smtp::client_test
