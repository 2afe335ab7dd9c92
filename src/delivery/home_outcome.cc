#include "delivery/home_outcome.h"

#include <fmt/format.h>

#include <cerrno>

namespace delivery {

using dsn::Outcome;
using How = sys::ProgramEnd::How;

namespace {

PipeOutcome later(std::string why, std::string status = "4.2.0") {
  return {.outcome = Outcome::deferred, .reply = std::move(why), .status = std::move(status)};
}

PipeOutcome not_begun(const base::IoError& error) {
  switch (error.system_error) {
    case ESRCH:
      return {.outcome = Outcome::bounced,
              .reply = "550 5.1.1 no such mailbox here any more",
              .status = {}};
    case EPERM: return later("no delivery into this home is allowed", "4.3.5");
    default: return later("the home: " + base::describe(error));
  }
}

}  // namespace

PipeOutcome home_outcome(const base::Io<sys::ProgramEnd>& end) {
  if (!end) return not_begun(end.error());
  switch (end->how) {
    case How::timed_out: return later("the delivery took too long");
    case How::killed: return later(fmt::format("signal {} ended the delivery", end->number));
    case How::exited: break;
  }
  if (end->number == 0) {
    return {.outcome = Outcome::delivered, .reply = "250 2.0.0 delivered", .status = {}};
  }
  std::string text = told_of(end->output);
  if (text.starts_with(home_full)) return later("452 " + text, "");
  if (text.empty()) text = fmt::format("the delivery ended with status {}", end->number);
  return later(std::move(text));
}

}  // namespace delivery
