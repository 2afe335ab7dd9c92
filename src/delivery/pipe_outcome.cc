#include "delivery/pipe_outcome.h"

#include <fmt/format.h>

#include "base/ascii.h"
#include "base/escape.h"

namespace delivery {

using dsn::Outcome;
using How = sys::ProgramEnd::How;

namespace {

constexpr int first_sysexit = 64;
constexpr int last_sysexit = 78;

/// What a sysexit means as an enhanced status code [RFC3463 3]; empty: try again.
std::string_view final_status(int exit) {
  if (exit < first_sysexit || exit > last_sysexit) return "";
  switch (exit) {
    case 65: return "5.6.0";  // EX_DATAERR: the content.
    case 67: return "5.1.1";  // EX_NOUSER.
    case 68: return "5.1.2";  // EX_NOHOST.
    case 76: return "5.5.0";  // EX_PROTOCOL.
    case 77: return "5.7.0";  // EX_NOPERM.
    case 78: return "5.3.5";  // EX_CONFIG.
    case 71:                  // EX_OSERR.
    case 73:                  // EX_CANTCREAT.
    case 74:                  // EX_IOERR.
    case 75: return "";       // EX_TEMPFAIL.
    default: return "5.3.0";
  }
}

/// The enhanced status code of class 5 that the text begins with, or none.
///
///     status-code = class "." subject "." detail   [RFC3463 2]
std::string_view leading_status(std::string_view text) {
  if (!text.starts_with("5.")) return "";
  std::size_t at = 2;
  for (const char end : {'.', ' '}) {
    const std::size_t from = at;
    while (at < text.size() && base::is_digit(text[at])) ++at;
    if (at == from || at - from > 3 || at == text.size() || text[at] != end) return "";
    ++at;
  }
  return text.substr(0, at - 1);
}

PipeOutcome failed(std::string_view status, const std::string& output, int exit) {
  if (!leading_status(output).empty()) {
    return {.outcome = Outcome::bounced, .reply = "550 " + output, .status = {}};
  }
  const std::string text =
      output.empty() ? fmt::format("the program ended with status {}", exit) : output;
  return {
      .outcome = Outcome::bounced, .reply = fmt::format("550 {} {}", status, text), .status = {}};
}

PipeOutcome later(std::string why, const std::string& output = "") {
  if (!output.empty()) why += ": " + output;
  return {.outcome = Outcome::deferred, .reply = std::move(why), .status = "4.3.0"};
}

PipeOutcome not_started(std::string_view program, const base::IoError& error) {
  PipeOutcome out = later(fmt::format("{}: {}", base::escaped(program), base::describe(error)));
  const bool missing =
      error.code == base::IoErrorCode::not_found || error.code == base::IoErrorCode::denied;
  if (missing) out.status = "4.3.5";
  return out;
}

}  // namespace

std::string told_of(std::string_view output) {
  std::string line;
  for (const char c : output.substr(0, pipe_output_octets_max)) {
    const bool space = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (!space) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  while (line.ends_with(' ')) line.pop_back();
  return base::escaped(line, pipe_output_octets_max);
}

PipeOutcome pipe_outcome(std::string_view program, const base::Io<sys::ProgramEnd>& end) {
  if (!end) return not_started(program, end.error());
  const std::string output = told_of(end->output);
  switch (end->how) {
    case How::timed_out: return later("the program took too long", output);
    case How::killed: return later(fmt::format("signal {} ended the program", end->number), output);
    case How::exited: break;
  }
  if (end->number == 0) {
    return {.outcome = Outcome::delivered, .reply = "250 2.0.0 delivered", .status = {}};
  }
  const std::string_view status = final_status(end->number);
  if (!status.empty()) return failed(status, output, end->number);
  return later(fmt::format("the program ended with status {}", end->number), output);
}

}  // namespace delivery
