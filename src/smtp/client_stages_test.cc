#include <gtest/gtest.h>

#include <string>

#include "smtp/client_session.h"
#include "smtp/client_session_testing.h"

namespace smtp {
namespace {

using namespace client_test;

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

}  // namespace
}  // namespace smtp
