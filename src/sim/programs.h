#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/scheduler.h"
#include "sys/programs.h"

namespace sim {

/// The programs of one machine: scripts of the test, by the name of the command.
///
/// A run takes virtual time. A machine that stops, or a cancelled run, ends a program before or
/// after its effect: nobody outside can know.
class SimPrograms final : public sys::Programs {
 public:
  /// What a program was given.
  struct Call {
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    std::string directory;
    std::string input;
  };
  /// How a call ends, and how long it takes; more than its time_max is a time-out, without effect.
  struct Ending {
    sys::ProgramEnd end;
    base::Duration takes = std::chrono::milliseconds(1);
  };
  using Script = std::function<Ending(const Call&)>;

  explicit SimPrograms(Scheduler& scheduler);
  SimPrograms(const SimPrograms&) = delete;
  SimPrograms& operator=(const SimPrograms&) = delete;
  ~SimPrograms() override;

  /// `command` as in arguments[0]; empty: every command without a script of its own. Without that
  /// others are not found.
  void install(const std::string& command, Script script);
  void remove(const std::string& command) { scripts_.erase(command); }

  [[nodiscard]] sys::Now<sys::ProgramEnd> run(const sys::Program& program, sys::ProgramInput& input,
                                              sys::Completion<sys::ProgramEnd>& done) override;

  /// The calls that had their effect, in order, over all lives of the machine.
  [[nodiscard]] const std::vector<Call>& calls() const { return calls_; }
  [[nodiscard]] std::size_t running() const { return runs_.size(); }
  [[nodiscard]] std::size_t most_running() const { return most_running_; }

  /// The machine has stopped: every run ends with IoErrorCode::cancelled.
  void halt();
  void start() { halted_ = false; }

 private:
  struct Run;

  void finish(Run& run, base::Io<sys::ProgramEnd> result);
  void cancel(Run& run);

  Scheduler& scheduler_;
  Rng rng_;
  std::map<std::string, Script> scripts_;
  std::vector<Call> calls_;
  std::vector<std::unique_ptr<Run>> runs_;
  std::size_t most_running_ = 0;
  bool halted_ = false;
};

}  // namespace sim
