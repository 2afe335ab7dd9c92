#include "sim/programs.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/assert.h"

namespace sim {

using base::Io;
using base::IoErrorCode;

struct SimPrograms::Run {
  SimPrograms& owner;
  SimLoop& home;
  sys::Completion<sys::ProgramEnd>& done;
  Call call;
  EventId ends;
};

SimPrograms::SimPrograms(Scheduler& scheduler)
    : scheduler_(scheduler), rng_(scheduler.rng().fork()) {}

SimPrograms::~SimPrograms() { PH_ASSERT(runs_.empty()); }

void SimPrograms::install(const std::string& command, Script script) {
  scripts_[command] = std::move(script);
}

namespace {

Io<std::string> read_all(sys::ProgramInput& input) {
  std::string all;
  for (;;) {
    const Io<std::string_view> next = input.next();
    if (!next) return std::unexpected(next.error());
    if (next->empty()) return all;
    all += *next;
  }
}

}  // namespace

sys::Now<sys::ProgramEnd> SimPrograms::run(const sys::Program& program, sys::ProgramInput& input,
                                           sys::Completion<sys::ProgramEnd>& done) {
  PH_ASSERT(scheduler_.current() != nullptr && !program.arguments.empty());
  if (halted_) return base::io_error(IoErrorCode::cancelled);
  auto script = scripts_.find(program.arguments.front());
  if (script == scripts_.end()) script = scripts_.find("");
  if (script == scripts_.end()) return base::io_error(IoErrorCode::not_found);
  Io<std::string> octets = read_all(input);
  if (!octets) return std::unexpected(octets.error());

  Call call{program.arguments, program.environment, program.directory, std::move(*octets)};
  Ending ending = script->second(call);
  ending.end.output.resize(std::min(ending.end.output.size(), program.output_octets_max));
  const bool in_time = ending.takes <= program.time_max;
  if (!in_time) {
    ending.end.how = sys::ProgramEnd::How::timed_out;
    ending.end.number = 0;
  }
  runs_.push_back(
      std::make_unique<Run>(Run{*this, *scheduler_.current(), done, std::move(call), {}}));
  most_running_ = std::max(most_running_, runs_.size());
  Run& run = *runs_.back();
  run.ends = scheduler_.after(std::min(ending.takes, program.time_max),
                              [this, &run, in_time, end = std::move(ending.end)] {
                                if (in_time) calls_.push_back(std::move(run.call));
                                finish(run, end);
                              });
  done.set_cancel(&run, [](void* ended, base::Operation&) noexcept {
    Run& cancelled = *static_cast<Run*>(ended);
    cancelled.owner.cancel(cancelled);
  });
  return std::nullopt;
}

/// The loop that waits learns of it as of everything else: by what is posted to it.
void SimPrograms::finish(Run& run, Io<sys::ProgramEnd> result) {
  sys::Completion<sys::ProgramEnd>& done = run.done;
  SimLoop& home = run.home;
  std::erase_if(runs_, [&run](const auto& one) { return one.get() == &run; });
  done.queue_result(std::move(result));
  home.post(done, done);
}

void SimPrograms::cancel(Run& run) {
  scheduler_.forget(run.ends);
  if (rng_.coin()) calls_.push_back(std::move(run.call));
  finish(run, base::io_error(IoErrorCode::cancelled));
}

void SimPrograms::halt() {
  halted_ = true;
  while (!runs_.empty()) cancel(*runs_.front());
}

}  // namespace sim
