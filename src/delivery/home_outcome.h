#pragma once

#include <string>

#include "delivery/pipe_outcome.h"
#include "sys/programs.h"

namespace delivery {

/// What the end of a delivery into a home means. It has been done, or is tried again, whatever the
/// process says, since its owner may have a hand in it; but for a user who is no more. A mailbox
/// without room is told as "452 4.2.2 …".
[[nodiscard]] PipeOutcome home_outcome(const base::Io<sys::ProgramEnd>& end);

/// What the process writes then, before its words.
inline constexpr std::string_view home_full = "4.2.2 ";

}  // namespace delivery
