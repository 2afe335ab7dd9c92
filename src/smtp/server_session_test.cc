#include "smtp/server_session.h"

#include <gtest/gtest.h>

#include "smtp/server_test_driver.h"

namespace smtp::test {
namespace {

using namespace std::chrono_literals;
using State = ServerState;

constexpr State all_states[] = {State::connected,       State::greeted,        State::sender_given,
                                State::recipient_given, State::content,        State::chunk,
                                State::chunks_given,    State::authenticating, State::starting_tls,
                                State::closed};

/// A session that has come as far as `state`, with nothing in its output.
[[nodiscard]] Driver in_state(const ServerOptions& options, State state) {
  Driver driver(options);
  const std::string_view hello = options.lmtp ? "LHLO client\r\n" : "EHLO client\r\n";
  if (state != State::connected) driver.feed(hello);
  const bool has_content =
      state == State::content || state == State::chunk || state == State::chunks_given;
  if (state == State::sender_given || state == State::recipient_given || has_content) {
    driver.feed("MAIL FROM:<a@a.example>\r\n");
  }
  if (state == State::recipient_given || has_content) driver.feed("RCPT TO:<b@b.example>\r\n");
  if (state == State::chunk) driver.feed("BDAT 10\r\n");
  if (state == State::chunks_given) driver.feed("BDAT 3\r\nx\r\n");
  if (state == State::content) driver.feed("DATA\r\n");
  if (state == State::authenticating) driver.feed("AUTH PLAIN\r\n");
  if (state == State::starting_tls) driver.feed("STARTTLS\r\n");
  if (state == State::closed) driver.feed("QUIT\r\n");
  EXPECT_EQ(to_string(driver.session.state()), to_string(state));
  driver.take_output();
  driver.output.clear();
  driver.notes.clear();
  return driver;
}

[[nodiscard]] ServerOptions options_for_everything() {
  ServerOptions options = sandbox_options();
  options.starttls = true;
  options.etrn = true;
  return options;
}

/// A well-formed command that nothing but the order could refuse.
[[nodiscard]] std::string_view command_of(Verb verb) {
  switch (verb) {
    case Verb::helo: return "HELO client\r\n";
    case Verb::ehlo: return "EHLO client\r\n";
    case Verb::mail: return "MAIL FROM:<a@a.example>\r\n";
    case Verb::rcpt: return "RCPT TO:<b@b.example>\r\n";
    case Verb::data: return "DATA\r\n";
    case Verb::rset: return "RSET\r\n";
    case Verb::vrfy: return "VRFY b\r\n";
    case Verb::expn: return "EXPN b\r\n";
    case Verb::help: return "HELP\r\n";
    case Verb::noop: return "NOOP\r\n";
    case Verb::quit: return "QUIT\r\n";
    case Verb::starttls: return "STARTTLS\r\n";
    case Verb::auth: return "AUTH PLAIN\r\n";
    case Verb::bdat: return "BDAT 0\r\n";
    case Verb::lhlo: return "LHLO client\r\n";
    case Verb::etrn: return "ETRN z.example\r\n";
    case Verb::not_implemented: return "TURN\r\n";
    case Verb::http: return "GET / HTTP/1.1\r\n";
    case Verb::unknown: return "FOO\r\n";
  }
  return {};
}

/// What is said to a verb that this protocol does not have, and otherwise to one out of order.
[[nodiscard]] std::string_view refusal_of(Verb verb, bool lmtp) {
  const bool is_smtp_hello = verb == Verb::ehlo || verb == Verb::helo;
  if (verb == Verb::unknown || (lmtp && is_smtp_hello)) return "500 5.5.1 ";
  if (verb == Verb::expn || verb == Verb::not_implemented) return "502 5.5.1 ";
  return !lmtp && verb == Verb::lhlo ? "502 5.5.1 " : "503 5.5.1 ";
}

void expect_table(const ServerOptions& options, State state, Verb verb) {
  SCOPED_TRACE(std::string(to_string(state)) + ", " + std::string(to_string(verb)));
  Driver driver = in_state(options, state);
  const std::size_t recipients = driver.session.recipients();
  driver.feed(command_of(verb));
  const std::string_view refusal = refusal_of(verb, options.lmtp);
  const auto to = refusal.starts_with("503") ? server_transition(state, verb) : std::nullopt;
  EXPECT_EQ(to_string(driver.session.state()), to_string(to.value_or(state)));
  EXPECT_EQ(driver.output.substr(0, 1),
            to ? (verb == Verb::data || verb == Verb::auth ? "3" : "2") : "5");
  if (to) return;
  EXPECT_EQ(driver.session.recipients(), recipients);
  EXPECT_EQ(driver.notes.size(), 1u);  // CommandRefused, and no reset.
  EXPECT_EQ(driver.output.substr(0, refusal.size()), refusal);
}

TEST(server_session, follows_the_table_of_transitions_and_nothing_else) {
  ServerOptions options = options_for_everything();
  for (const bool lmtp : {false, true}) {
    options.lmtp = lmtp;
    for (const State state : {State::connected, State::greeted, State::sender_given,
                              State::recipient_given, State::chunks_given}) {
      for (std::size_t i = 0; i < verb_count; ++i) {
        const auto verb = static_cast<Verb>(i);
        if (verb != Verb::http) expect_table(options, state, verb);
      }
    }
  }
}

TEST(server_session, the_table_leads_nowhere_from_states_without_commands) {
  for (const State state : {State::opened, State::content, State::chunk, State::authenticating,
                            State::starting_tls, State::closed}) {
    for (std::size_t i = 0; i < verb_count; ++i) {
      EXPECT_FALSE(server_transition(state, static_cast<Verb>(i)));
    }
  }
}

TEST(server_session, tells_the_driver_when_a_transaction_is_over) {
  const ServerOptions options = options_for_everything();
  for (const Verb verb : {Verb::rset, Verb::ehlo, Verb::helo}) {
    for (const State state : {State::sender_given, State::recipient_given}) {
      Driver driver = in_state(options, state);
      driver.feed(command_of(verb));
      EXPECT_EQ(driver.notes, std::vector<std::string>{"reset"});
      EXPECT_EQ(driver.session.recipients(), 0u);
    }
    Driver driver = in_state(options, State::greeted);
    driver.feed(command_of(verb));
    EXPECT_TRUE(driver.notes.empty());
  }
}

TEST(server_session, takes_nothing_while_a_question_is_open) {
  const ServerOptions options = mx_options();
  ServerSession session(options, start_of_time);
  EXPECT_EQ(session.receive("NOOP\r\n", start_of_time), 0u);
  session.greet();
  const std::string_view in = "HELO x\r\nMAIL FROM:<a@b>\r\nRSET\r\n";
  EXPECT_EQ(session.receive(in, start_of_time), 25u);
  EXPECT_EQ(session.receive(in.substr(25), start_of_time), 0u);
  EXPECT_TRUE(std::holds_alternative<SenderProposed>(session.next_event().value()));
  EXPECT_EQ(session.receive(in.substr(25), start_of_time), 0u);
  EXPECT_FALSE(session.next_event());
  session.answer(replies::sender_ok());
  EXPECT_EQ(session.receive(in.substr(25), start_of_time), 6u);
}

TEST(server_session, greets_or_refuses) {
  const ServerOptions options = mx_options();
  ServerSession session(options, start_of_time);
  session.refuse(replies::too_many_sessions("mx.example"));
  EXPECT_EQ(session.output(), "421 4.3.2 mx.example too many connections, try again later\r\n");
  EXPECT_EQ(session.state(), State::closed);
  EXPECT_EQ(session.receive("EHLO x\r\n", start_of_time), 8u);
  EXPECT_FALSE(session.next_event());
}

[[nodiscard]] std::string command_of_octets(std::string_view start, std::size_t octets) {
  std::string line(start);
  line.resize(octets - 2, 'x');
  return line + "\r\n";
}

TEST(server_session, takes_a_line_of_full_length_and_refuses_a_longer_one) {
  const ServerOptions options = mx_options();
  for (const std::size_t step : {1u, 7u, 1'000u, 100'000u}) {
    const auto replies_to = [&](const std::string& in) {
      Driver driver(options);
      driver.take_output();
      driver.output.clear();
      for (std::size_t i = 0; i < in.size(); i += step) {
        driver.feed(std::string_view(in).substr(i, step));
      }
      return driver.output;
    };
    constexpr std::size_t most = command_line_octets_max;
    EXPECT_EQ(replies_to(command_of_octets("NOOP ", most)), "250 2.0.0 ok\r\n");
    EXPECT_EQ(replies_to(command_of_octets("NOOP ", most + 1) + "NOOP\r\n"),
              "500 5.5.2 line too long\r\n250 2.0.0 ok\r\n");
    EXPECT_EQ(replies_to(command_of_octets("AUTH ", most + 1)), "500 5.5.2 line too long\r\n");
    EXPECT_EQ(replies_to(command_of_octets("NOOP ", 100'000) + "NOOP\r\n"),
              "500 5.5.2 line too long\r\n250 2.0.0 ok\r\n");
    EXPECT_EQ(replies_to(std::string(50'000, 'x') + "\nNOOP\r\n"), "500 5.5.2 bare CR or LF\r\n");
    EXPECT_EQ(replies_to(std::string(50'000, 'x') + "\rNOOP\r\n"), "500 5.5.2 bare CR or LF\r\n");
  }
}

TEST(server_session, takes_auth_lines_of_full_length) {
  const ServerOptions options = sandbox_options();
  for (const std::size_t step : {1u, 1'000u, 100'000u}) {
    const auto replies_to = [&](State state, const std::string& in) {
      Driver driver = in_state(options, state);
      for (std::size_t i = 0; i < in.size(); i += step) {
        driver.feed(std::string_view(in).substr(i, step));
      }
      return driver.output;
    };
    constexpr std::size_t most = auth_line_octets_max;
    const std::string response(12'272, 'A');
    const std::string spaces(most - 2 - response.size() - 10, ' ');
    EXPECT_EQ(replies_to(State::greeted, "AUTH PLAIN" + spaces + response + "\r\n"),
              "535 5.7.8 authentication failed\r\n");
    EXPECT_EQ(replies_to(State::greeted, "AUTH PLAIN " + spaces + response + "\r\n"),
              "500 5.5.2 line too long\r\n");
    EXPECT_EQ(replies_to(State::authenticating, std::string(12'284, 'A') + "\r\n"),
              "535 5.7.8 authentication failed\r\n");
    EXPECT_EQ(replies_to(State::authenticating, std::string(12'288, 'A') + "\r\nNOOP\r\n"),
              "500 5.5.6 line too long\r\n250 2.0.0 ok\r\n");
  }
}

TEST(server_session, never_shows_auth_lines_to_the_log) {
  const ServerOptions options = submission_options();
  Driver driver(options);
  driver.feed("EHLO x\r\nauth PLAIN AGFsaWNlAHNlY3JldA==\r\nAUTHX secret\r\nAUTH secret\nx");
  EXPECT_EQ(driver.notes,
            (std::vector<std::string>{"refused auth", "refused AUTH", "refused AUTH"}));
}

TEST(server_session, shows_the_beginning_of_other_lines_to_the_log) {
  const ServerOptions options = mx_options();
  Driver driver(options);
  driver.feed("FOO\r\n" + std::string(100'000, 'x') + "\r\n");
  EXPECT_EQ(driver.notes,
            (std::vector<std::string>{"refused FOO", "refused " + std::string(512, 'x')}));
}

TEST(server_session, times_out_after_the_last_complete_command) {
  const ServerOptions options = mx_options();
  ServerSession session(options, start_of_time);
  session.greet();
  EXPECT_EQ(session.deadline(), start_of_time + 5min);
  EXPECT_EQ(session.receive("NOOP\r\nNO", start_of_time + 1min), 8u);
  EXPECT_EQ(session.receive("OP", start_of_time + 2min), 2u);
  EXPECT_EQ(session.deadline(), start_of_time + 6min);
  session.tick(start_of_time + 6min - 1ns);
  EXPECT_EQ(session.state(), State::connected);
  session.output_sent(session.output().size());
  session.tick(start_of_time + 6min);
  EXPECT_EQ(session.state(), State::closed);
  EXPECT_EQ(session.close_reason(), ServerCloseReason::timed_out);
  EXPECT_EQ(session.output(), "421 4.4.2 mx.example waited too long, closing\r\n");
}

TEST(server_session, content_moves_the_deadline_by_progress_alone) {
  const ServerOptions options = [] {
    ServerOptions out = mx_options();
    out.message_size = 1u << 20;
    return out;
  }();
  Driver driver = in_state(options, State::content);
  const base::Instant before = driver.session.deadline();
  const std::string text(content_progress_octets - 1, 'x');
  driver.feed(text, start_of_time + 1min);
  EXPECT_EQ(driver.session.deadline(), before);
  driver.feed("x", start_of_time + 2min);
  EXPECT_EQ(driver.session.deadline(), start_of_time + 7min);
  driver.session.tick(start_of_time + 7min);
  driver.take_output();
  EXPECT_EQ(driver.output, "421 4.4.2 mx.example waited too long, closing\r\n");
}

TEST(server_session, does_not_time_out_while_the_driver_owes_an_answer) {
  const ServerOptions options = mx_options();
  ServerSession session(options, start_of_time);
  session.greet();
  const std::string_view in = "HELO x\r\nMAIL FROM:<a@b>\r\n";
  EXPECT_EQ(session.receive(in, start_of_time), in.size());
  EXPECT_TRUE(session.next_event());
  session.tick(start_of_time + 1h);
  EXPECT_EQ(session.state(), State::greeted);
  session.answer(replies::sender_ok());
  session.tick(start_of_time + 2h);  // The client could not know before.
  EXPECT_EQ(session.state(), State::sender_given);
  session.tick(session.deadline());
  EXPECT_EQ(session.state(), State::closed);
}

TEST(server_session, stops_at_once_when_nothing_is_in_flight) {
  const ServerOptions options = options_for_everything();
  for (const State state : {State::connected, State::greeted, State::authenticating}) {
    Driver driver = in_state(options, state);
    driver.session.shutdown();
    driver.take_output();
    EXPECT_EQ(driver.output, "421 4.3.2 mx.example is stopping, closing\r\n");
    EXPECT_EQ(driver.session.state(), State::closed);
  }
}

TEST(server_session, stops_instead_of_greeting) {
  const ServerOptions options = mx_options();
  ServerSession session(options, start_of_time);
  session.shutdown();
  session.greet();
  EXPECT_EQ(session.output(), "421 4.3.2 mx.example is stopping, closing\r\n");
  EXPECT_EQ(session.close_reason(), ServerCloseReason::stopping);
}

TEST(server_session, stops_when_the_transaction_is_over) {
  const ServerOptions options = mx_options();
  struct Case {
    State state;
    std::string_view in;
    std::string_view output;
  };
  const Case cases[] = {
      {State::content, "x\r\n.\r\nNOOP\r\n", "250 2.0.0 accepted as m1\r\n"},
      {State::content, "spam\r\n.\r\nNOOP\r\n", "554 5.7.1 spam\r\n"},
      {State::sender_given, "RSET\r\nNOOP\r\n", "250 2.0.0 reset\r\n"},
      {State::recipient_given, "HELO x\r\nNOOP\r\n", "250 mx.example\r\n"},
  };
  for (const Case& row : cases) {
    Driver driver = in_state(options, row.state);
    driver.session.shutdown();
    EXPECT_EQ(driver.session.state(), row.state);
    driver.feed(row.in);
    EXPECT_EQ(driver.output,
              std::string(row.output) + "421 4.3.2 mx.example is stopping, closing\r\n");
  }
}

[[nodiscard]] std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

struct AbuseCase {
  std::string_view name;
  std::string_view start;
  std::string_view again;
  std::size_t allowed;  ///< So often.
};

const AbuseCase abuse_cases[] = {
    {"junk", "", "FOO\r\n", 20},
    {"empty lines", "", "\r\n", 20},
    {"unknown recipients", "HELO x\r\nMAIL FROM:<a@b>\r\n", "RCPT TO:<unknown@b>\r\n", 30},
    {"wrong passwords", "HELO x\r\n", "AUTH PLAIN AGFsaWNlAA==\r\n", 5},
    {"commands without mail", "", "NOOP\r\n", 100},
    {"transactions without mail", "HELO x\r\n", "MAIL FROM:<a@b>\r\nRSET\r\n", 49},
};

TEST(server_session, closes_when_a_limit_is_passed_and_not_before) {
  const ServerOptions options = sandbox_options();
  for (const AbuseCase& row : abuse_cases) {
    Driver driver(options);
    driver.feed(std::string(row.start) + repeated(row.again, row.allowed));
    EXPECT_NE(driver.session.state(), State::closed) << row.name;
    driver.output.clear();
    driver.feed(std::string(row.again) + "NOOP\r\nNOOP\r\n");
    EXPECT_EQ(driver.session.state(), State::closed) << row.name;
    EXPECT_EQ(driver.session.close_reason(), ServerCloseReason::abuse) << row.name;
    EXPECT_TRUE(driver.output.ends_with("421 4.7.0 mx.example too many errors, closing\r\n"));
  }
}

TEST(server_session, does_not_mind_many_messages_recipients_and_a_few_mistakes) {
  ServerOptions options = sandbox_options();
  options.recipients = 1'000;
  Driver driver(options);
  driver.feed("HELO x\r\n" + repeated("FOO\r\n", 5) + repeated("RSET\r\n", 8) +
              repeated("AUTH PLAIN AGFsaWNlAA==\r\n", 2));
  driver.feed("MAIL FROM:<a@b>\r\n" + repeated("RCPT TO:<b@b>\r\n", 1'000) + "DATA\r\n.\r\n");
  for (int i = 0; i < 300; ++i) {
    driver.feed(
        "MAIL FROM:<a@b>\r\nRCPT TO:<b@b>\r\nRCPT "
        "TO:<unknown@b>\r\nFOO\r\nDATA\r\nx\r\n.\r\nRSET\r\n");
  }
  EXPECT_EQ(driver.accepted.size(), 301u);
  EXPECT_EQ(driver.session.state(), State::greeted);
}

TEST(server_session, aborts_content_once_and_reads_it_to_its_end) {
  const ServerOptions options = mx_options();
  for (const std::string_view line : {"a\nb\r\n", "123456789012345678901234567890\r\n"}) {
    Driver driver = in_state(options, State::content);
    driver.feed(repeated(line, 1'000));
    EXPECT_EQ(driver.notes, std::vector<std::string>{"content aborted"});
    EXPECT_EQ(driver.output, "");
    driver.feed(".\r\n");
    EXPECT_EQ(driver.output, line[0] == 'a' ? "550 5.6.0 bare CR or LF in the message\r\n"
                                            : "552 5.3.4 message too large\r\n");
    EXPECT_TRUE(driver.accepted.empty());
  }
}

TEST(server_session, a_bare_lf_behind_too_much_content_still_closes) {
  const ServerOptions options = mx_options();
  Driver driver = in_state(options, State::content);
  driver.feed(std::string(200, 'x') + "\n.\r\nMAIL FROM:<a@b>\r\n.\r\nNOOP\r\n");
  EXPECT_EQ(driver.output, "550 5.6.0 bare CR or LF in the message\r\n");
  EXPECT_EQ(driver.session.state(), State::closed);
}

TEST(server_session, does_not_read_refused_content_for_ever) {
  const ServerOptions options = mx_options();
  Driver driver = in_state(options, State::content);
  const std::string block(1u << 20, 'x');
  for (std::uint64_t octets = 0; octets < refused_content_octets_max; octets += block.size()) {
    driver.feed(block);
  }
  EXPECT_EQ(driver.session.state(), State::content);
  driver.feed(block);
  EXPECT_EQ(driver.session.state(), State::closed);
  EXPECT_EQ(driver.output, "552 5.3.4 message too large\r\n");
}

TEST(server_session, every_state_and_reason_has_a_name) {
  for (const State state : all_states) EXPECT_FALSE(to_string(state).empty());
  for (int i = 0; i <= static_cast<int>(ServerCloseReason::stopping); ++i) {
    EXPECT_FALSE(to_string(static_cast<ServerCloseReason>(i)).empty());
  }
}

}  // namespace
}  // namespace smtp::test
