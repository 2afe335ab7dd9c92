#include "delivery/pipe_outcome.h"

#include <gtest/gtest.h>

#include <set>

namespace delivery {
namespace {

using namespace std::string_literals;
using base::IoErrorCode;
using dsn::Outcome;
using How = sys::ProgramEnd::How;

struct OutcomeCase {
  std::string_view name;
  base::Io<sys::ProgramEnd> end;
  Outcome outcome;
  std::string reply;
  std::string status;
};

sys::ProgramEnd exited(int status, std::string output = "") {
  return {How::exited, status, std::move(output)};
}

const OutcomeCase outcome_cases[] = {
    {"success", exited(0), Outcome::delivered, "250 2.0.0 delivered", ""},
    {"success with output", exited(0, "hello"), Outcome::delivered, "250 2.0.0 delivered", ""},
    {"no such user", exited(67, "who is that?\n"), Outcome::bounced, "550 5.1.1 who is that?", ""},
    {"without output", exited(67), Outcome::bounced, "550 5.1.1 the program ended with status 67",
     ""},
    {"bad content", exited(65, "spam"), Outcome::bounced, "550 5.6.0 spam", ""},
    {"a code of the program's own", exited(77, "5.7.1 no, thanks\n"), Outcome::bounced,
     "550 5.7.1 no, thanks", ""},
    {"a code of three digits each", exited(70, "5.123.999 x"), Outcome::bounced, "550 5.123.999 x",
     ""},
    {"four digits", exited(70, "5.1234.1 x"), Outcome::bounced, "550 5.3.0 5.1234.1 x", ""},
    {"a code without text", exited(70, "5.7.1"), Outcome::bounced, "550 5.3.0 5.7.1", ""},
    {"a code of another class", exited(70, "4.7.1 x"), Outcome::bounced, "550 5.3.0 4.7.1 x", ""},
    {"a version is no code", exited(70, "5.7 x"), Outcome::bounced, "550 5.3.0 5.7 x", ""},
    {"several lines", exited(69, "\none\r\n\n two\t\n"), Outcome::bounced, "550 5.3.0 one two", ""},
    {"controls", exited(69, "a\x1b[31m\0b"s), Outcome::bounced, "550 5.3.0 a\\x1b[31m\\x00b", ""},
    {"try again", exited(75, "busy\n"), Outcome::deferred, "the program ended with status 75: busy",
     "4.3.0"},
    {"try again, without output", exited(1), Outcome::deferred, "the program ended with status 1",
     "4.3.0"},
    {"a signal", sys::ProgramEnd{How::killed, 11, ""}, Outcome::deferred,
     "signal 11 ended the program", "4.3.0"},
    {"a signal with a final number", sys::ProgramEnd{How::killed, 65, ""}, Outcome::deferred,
     "signal 65 ended the program", "4.3.0"},
    {"time-out", sys::ProgramEnd{How::timed_out, 0, "so far"}, Outcome::deferred,
     "the program took too long: so far", "4.3.0"},
    {"no such program", base::io_error(IoErrorCode::not_found, 2), Outcome::deferred,
     "/x/y: not found", "4.3.5"},
    {"no room for it", base::io_error(IoErrorCode::no_descriptors), Outcome::deferred,
     "/x/y: out of descriptors or memory", "4.3.0"},
};

TEST(pipe_outcome, by_its_end) {
  for (const OutcomeCase& row : outcome_cases) {
    const PipeOutcome got = pipe_outcome("/x/y", row.end);
    EXPECT_EQ(got.outcome, row.outcome) << row.name;
    EXPECT_EQ(got.reply, row.reply) << row.name;
    EXPECT_EQ(got.status, row.status) << row.name;
  }
}

TEST(pipe_outcome, every_exit_status) {
  const std::set<int> final{64, 65, 66, 67, 68, 69, 70, 72, 76, 77, 78};
  for (int status = 0; status < 256; ++status) {
    const PipeOutcome got = pipe_outcome("x", exited(status));
    const Outcome want = status == 0              ? Outcome::delivered
                         : final.contains(status) ? Outcome::bounced
                                                  : Outcome::deferred;
    EXPECT_EQ(got.outcome, want) << status;
    EXPECT_EQ(got.reply.starts_with("550 5."), want == Outcome::bounced) << status;
  }
}

TEST(pipe_outcome, output_is_bounded) {
  for (const int status : {69, 75}) {
    const PipeOutcome got = pipe_outcome("x", exited(status, std::string(100'000, 'x')));
    EXPECT_LE(got.reply.size(), pipe_output_octets_max + 60);
    EXPECT_GE(got.reply.size(), pipe_output_octets_max);
    const PipeOutcome wild = pipe_outcome("x", exited(status, std::string(100'000, '\x01')));
    EXPECT_LE(wild.reply.size(), 4 * pipe_output_octets_max + 60);
  }
}

}  // namespace
}  // namespace delivery
