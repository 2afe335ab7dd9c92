#include "delivery/home_outcome.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace delivery {
namespace {

using dsn::Outcome;
using sys::ProgramEnd;

struct EndCase {
  const char* name;
  base::Io<ProgramEnd> end;
  Outcome outcome;
  std::string reply, status;
};

base::Io<ProgramEnd> exited(int status, std::string output = "") {
  return ProgramEnd{.how = ProgramEnd::How::exited, .number = status, .output = std::move(output)};
}

TEST(home_outcome, of_each_end) {
  const EndCase cases[] = {
      {"done", exited(0), Outcome::delivered, "250 2.0.0 delivered", ""},
      {"done, with words", exited(0, "5.1.1 no\n"), Outcome::delivered, "250 2.0.0 delivered", ""},
      {"a full mailbox", exited(75, "4.2.2 the mailbox is full: disk quota exceeded\n"),
       Outcome::deferred, "452 4.2.2 the mailbox is full: disk quota exceeded", ""},
      {"no words", exited(75), Outcome::deferred, "the delivery ended with status 75", "4.2.0"},
      {"words", exited(75, "permission\ndenied"), Outcome::deferred, "permission denied", "4.2.0"},
      {"what wants to be final is not", exited(67, "5.1.1 go away"), Outcome::deferred,
       "5.1.1 go away", "4.2.0"},
      {"a signal", ProgramEnd{.how = ProgramEnd::How::killed, .number = 9}, Outcome::deferred,
       "signal 9 ended the delivery", "4.2.0"},
      {"too long", ProgramEnd{.how = ProgramEnd::How::timed_out}, Outcome::deferred,
       "the delivery took too long", "4.2.0"},
      {"a user who is gone", std::unexpected(base::from_errno(ESRCH)), Outcome::bounced,
       "550 5.1.1 no such mailbox here any more", ""},
      {"one who may have none", std::unexpected(base::from_errno(EPERM)), Outcome::deferred,
       "no delivery into this home is allowed", "4.3.5"},
      {"a home that is missing", std::unexpected(base::from_errno(ENOENT)), Outcome::deferred,
       "the home: not found", "4.2.0"},
  };
  for (const EndCase& row : cases) {
    const PipeOutcome got = home_outcome(row.end);
    EXPECT_EQ(got.outcome, row.outcome) << row.name;
    EXPECT_EQ(got.reply, row.reply) << row.name;
    EXPECT_EQ(got.status, row.status) << row.name;
  }
}

}  // namespace
}  // namespace delivery
