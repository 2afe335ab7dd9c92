#pragma once

#include <string>
#include <string_view>

#include "dsn/outcome.h"
#include "sys/programs.h"

namespace delivery {

/// What the end of a pipe's program means.
struct PipeOutcome {
  dsn::Outcome outcome = dsn::Outcome::deferred;
  std::string reply;   ///< With a code and an enhanced one unless deferred; one line, escaped.
  std::string status;  ///< Enhanced, if it is not in the reply.
};

/// By its exit status, as those of <sysexits.h>: 0 delivered; 64 to 78 but 71, 73, 74 and 75 failed
/// for good; everything else, a signal, a time-out and a program that cannot be started included,
/// is tried again. What it has written is told; when that begins with an enhanced code of the right
/// class, this is the code.
[[nodiscard]] PipeOutcome pipe_outcome(std::string_view program,
                                       const base::Io<sys::ProgramEnd>& end);

/// What a program has written, in one line, harmless.
[[nodiscard]] std::string told_of(std::string_view output);

/// In octets: what is told of its output.
inline constexpr std::size_t pipe_output_octets_max = 1'024;

}  // namespace delivery
