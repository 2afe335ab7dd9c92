#pragma once

#include <sys/types.h>

#include <optional>

#include "sys/linux/descriptor.h"
#include "sys/programs.h"

namespace sys::real {

/// A program that runs, and our ends of its pipes, which do not block.
struct Child {
  pid_t pid = 0;      ///< Of its process group, too. Nobody else waits for it.
  Descriptor ended;   ///< A pidfd.
  Descriptor input;   ///< We write.
  Descriptor output;  ///< Standard output and error; we read.
};

/// Starts it: in a session of its own, without any descriptor of ours, with all signals as they are
/// by default, and with limits: no core file, at most child_files_max open files. Blocks until it
/// has begun. To be called on a thread that takes no signals (start_thread()).
[[nodiscard]] base::Io<Child> spawn(const Program& program);

inline constexpr unsigned child_files_max = 1'024;

/// Kills all of a process group. Only before its leader is reaped.
void kill_group(pid_t leader) noexcept;

/// How it ended; its output is left empty. Nullopt while it still runs, unless told to `wait`.
[[nodiscard]] std::optional<ProgramEnd> reap(pid_t child, bool wait) noexcept;

}  // namespace sys::real
