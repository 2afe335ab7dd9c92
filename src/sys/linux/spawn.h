#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>

#include "sys/linux/descriptor.h"
#include "sys/programs.h"

namespace sys::real {

/// A program that runs, and our ends of its pipes, which do not block.
class Child {
 public:
  virtual ~Child() = default;

  Descriptor ended;   ///< Readable at its end.
  Descriptor input;   ///< We write.
  Descriptor output;  ///< Standard output and error; we read.

  /// Kills all of its process group.
  virtual void kill() noexcept = 0;
  /// How it ended; its output is left empty. Nullopt while it still runs, unless told to `wait`.
  /// Once. An error: it could not even begin.
  [[nodiscard]] virtual std::optional<base::Io<ProgramEnd>> reap(bool wait) noexcept = 0;
};

using Spawned = base::Io<std::unique_ptr<Child>>;
/// Starts a program; blocks until it has begun. Called on one thread at a time, not the loop's.
using Spawner = std::function<Spawned(const Program& program)>;

/// Starts it: in a session of its own, without any descriptor of ours, with all signals as they are
/// by default, and with limits: no core file, at most child_files_max open files. Blocks until it
/// has begun. To be called on a thread that takes no signals (start_thread()).
[[nodiscard]] Spawned spawn(const Program& program);

inline constexpr unsigned child_files_max = 1'024;

/// As execve() takes them. `texts` must stay as they are.
[[nodiscard]] std::vector<char*> pointers(const std::vector<std::string>& texts);
/// The file of a command. Not by execvp(): that follows PATH of our own environment.
[[nodiscard]] base::Io<std::string> find_command(const std::string& command);
/// PATH and LANG, and those that a program asks for.
[[nodiscard]] std::vector<std::string> environment_of(const Program& program);

struct Pipe {
  Descriptor read;
  Descriptor write;
};
/// Both ends are above the standard numbers, and closed by execve().
[[nodiscard]] base::Io<Pipe> make_pipe();
void stop_blocking(const Descriptor& pipe);

/// What becomes of a new process before its program: its standard descriptors, and nothing else of
/// ours; limits and signals. May be called after vfork(). False with errno set.
struct Surroundings {
  const char* directory;
  int input;
  int output;
};
[[nodiscard]] bool take_surroundings(const Surroundings& surroundings);
/// The last step before execve(): no signal finds a handler in memory that is not its own.
void reset_signals();

}  // namespace sys::real
