#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "sys/loop.h"

// Other programs, run without a shell between. Objects belong to the loop whose Programs made them,
// and are used on its thread only.
namespace sys {

/// Where a command without a slash is looked for, and PATH of every program.
inline constexpr std::string_view program_path = "/usr/local/bin:/usr/bin:/bin";

/// What to run, and how far it may go.
struct Program {
  /// The command and its arguments; at least one, none with a NUL. A command with a slash is a path
  /// as it is; any other is looked for in program_path.
  std::vector<std::string> arguments;
  /// `NAME=value`, beside PATH and LANG=C. Nothing of our own environment is handed on.
  std::vector<std::string> environment = {};
  std::string directory = "/";  ///< Where it starts.
  base::Duration time_max{};    ///< From its start; then it is killed with all its children.
  std::size_t output_octets_max = 8'192;  ///< Of its output that is kept; the rest is read, too.
  /// The system user whose rights it has; empty: ours. It is then run by the process that may
  /// become others, which knows what may run as whom; without one, or if it refuses:
  /// IoErrorCode::denied.
  std::string run_as = {};
  /// It is no command but a delivery into the home of `run_as`, done by a process of that user:
  /// `arguments` as home_arguments() makes them, and it starts in that home.
  bool into_home = false;
};

/// Standard input, asked for as the program reads it.
class ProgramInput {
 public:
  /// The next octets, valid until the next call; empty at the end. After an error the program is
  /// killed, so that it does not take what it has for the whole.
  [[nodiscard]] virtual base::Io<std::string_view> next() = 0;

 protected:
  ~ProgramInput() = default;
};

struct ProgramEnd {
  enum class How : std::uint8_t {
    exited,    ///< `number`: its exit status.
    killed,    ///< `number`: the signal, not ours.
    timed_out  ///< By us, after time_max.
  };
  How how = How::exited;
  int number = 0;
  std::string output;  ///< The first octets of standard output and error, in order; as they came.
};

class Programs {
 public:
  virtual ~Programs() = default;

  /// Runs the program to its end. It may leave its input unread. `program` and `input` must stay
  /// until it completes. Errors: not_found, denied (no such program, not executable, or no such
  /// folder), no_descriptors, that of `input`, and failed.
  ///
  /// Can be cancelled: then the program and all its children are killed. Whatever its process group
  /// has left running at its end is killed, too.
  [[nodiscard]] virtual Now<ProgramEnd> run(const Program& program, ProgramInput& input,
                                            Completion<ProgramEnd>&) = 0;
};

/// Awaitable form.
[[nodiscard]] inline auto run(Programs& programs, const Program& program, ProgramInput& input) {
  return base::operation<base::Io<ProgramEnd>>(
      [&programs, &program, &input](auto& done) { return programs.run(program, input, done); });
}

}  // namespace sys
