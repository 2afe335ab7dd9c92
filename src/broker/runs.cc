#include "broker/runs.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "broker/channel.h"
#include "broker/identity.h"
#include "sys/linux/spawn.h"

namespace broker {

using base::Io;
using sys::real::Descriptor;
using sys::real::Pipe;

namespace {

/// Of a program and of each that it starts.
constexpr rlim_t cpu_seconds_max = 600;

constexpr const char* own_program = "/proc/self/exe";

[[noreturn]] void complain(int complaint, int error) {
  (void)!::write(complaint, &error, sizeof error);
  ::_exit(127);
}

/// What the new process has of its parent.
struct Birth {
  const StartRun& run;
  const config::Privileges& privileges;
  int input;
  int output;
  int complaint;
  pid_t parent;
};

int identity_problem(const Birth& birth, const std::optional<Identity>& identity) {
  if (!identity || identity->name != birth.run.user) return ESRCH;
  if (identity->uid == 0) return EPERM;
  const config::SystemUser user{.name = identity->name, .uid = identity->uid};
  const bool may = !birth.run.into_home || config::may_have_mail(birth.privileges, user);
  return may ? 0 : EPERM;
}

/// In the new process: becomes the user, and then the program.
[[noreturn]] void live(const Birth& birth) {
  const std::optional<Identity> identity = find_identity(birth.run.user);
  if (const int problem = identity_problem(birth, identity); problem != 0) {
    complain(birth.complaint, problem);
  }
  const rlimit cpu{cpu_seconds_max, cpu_seconds_max};
  if (::setrlimit(RLIMIT_CPU, &cpu) != 0 || !become(*identity, birth.parent)) {
    complain(birth.complaint, errno);
  }
  ::umask(077);
  std::vector<std::string> arguments = birth.run.arguments;
  std::string file = own_program;
  if (birth.run.into_home) {
    arguments.insert(arguments.begin(), {"posthaste", "into-home"});
  } else {
    const Io<std::string> found = sys::real::find_command(arguments.front());
    if (!found) complain(birth.complaint, found.error().system_error);
    file = *found;
  }
  sys::Program asked;
  asked.environment = birth.run.environment;
  asked.environment.push_back("HOME=" + identity->home);
  asked.environment.push_back("USER=" + identity->name);
  asked.environment.push_back("LOGNAME=" + identity->name);
  const std::vector<std::string> environment = sys::real::environment_of(asked);
  const char* const directory = birth.run.into_home ? identity->home.c_str() : "/";
  if (sys::real::take_surroundings({directory, birth.input, birth.output})) {
    sys::real::reset_signals();
    ::execve(file.c_str(), sys::real::pointers(arguments).data(),
             sys::real::pointers(environment).data());
  }
  complain(birth.complaint, errno);
}

int heard(const Descriptor& complaint) {
  int error = 0;
  return ::read(complaint.get(), &error, sizeof error) == sizeof error ? error : 0;
}

RunEnd end_of(const siginfo_t& info) {
  const bool exited = info.si_code == CLD_EXITED;
  return {.how = exited ? RunEnd::How::exited : RunEnd::How::killed, .number = info.si_status};
}

}  // namespace

std::expected<Runs::Ends, int> Runs::start(const StartRun& run, const Rules& rules) {
  if (!rules.may_run(run)) return std::unexpected(EPERM);
  const auto same_home = [&run](const Active& other) { return other.home_of == run.user; };
  const bool crowded = active_.size() >= runs_max ||
                       (run.into_home && static_cast<std::size_t>(std::ranges::count_if(
                                             active_, same_home)) >= home_runs_max);
  if (crowded) return std::unexpected(EAGAIN);
  Io<Pipe> input = sys::real::make_pipe();
  Io<Pipe> output = sys::real::make_pipe();
  Io<Pipe> complaint = sys::real::make_pipe();
  Io<ChannelPair> control = make_channel();
  if (!input || !output || !complaint || !control) return std::unexpected(EMFILE);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return std::unexpected(errno);
  if (pid == 0) {
    live({run, rules.privileges(), input->read.get(), output->write.get(), complaint->write.get(),
          parent});
  }
  Active& active = active_.emplace_back();
  if (run.into_home) active.home_of = run.user;
  active.pid = pid;
  active.ended = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  active.control = std::move(control->ours);
  active.complaint = std::move(complaint->read);
  sys::real::stop_blocking(active.complaint);
  const std::chrono::seconds wanted(run.seconds_max);
  active.deadline = Clock::now() + std::min(wanted, time_max);
  return Ends{std::move(control->theirs), std::move(input->write), std::move(output->read)};
}

void Runs::add_polled(std::vector<pollfd>& polled) const {
  for (const Active& run : active_) {
    polled.push_back({run.ended.get(), POLLIN, 0});
    if (!run.killed) polled.push_back({run.control.get(), POLLIN, 0});
  }
}

void Runs::kill(Active& run) {
  // Until it is waited for, its number is not given to others. It may not lead a group yet.
  (void)::kill(-run.pid, SIGKILL);
  (void)::kill(run.pid, SIGKILL);
  run.killed = true;
}

bool Runs::look_at(Active& run, Clock::time_point now) {
  if (!run.killed) {
    // The end of what comes, or anything that does.
    const Io<Packet> packet = receive_packet(run.control, false);
    const bool wanted = packet || packet.error().code != base::IoErrorCode::busy;
    run.timed_out = !wanted && now >= run.deadline;
    if (wanted || run.timed_out) kill(run);
  }
  siginfo_t info{};
  const auto id = static_cast<id_t>(run.pid);
  if (::waitid(P_PID, id, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) {
    return false;
  }
  (void)::kill(-run.pid, SIGKILL);  // What it has left running.
  (void)::waitid(P_PID, id, &info, WEXITED | WNOHANG);
  RunEnd end = end_of(info);
  if (run.timed_out) end = {.how = RunEnd::How::timed_out, .number = 0};
  if (const int error = heard(run.complaint); error > 0) {
    end = {.how = RunEnd::How::not_started, .number = error};
  }
  (void)send_packet(run.control, encode(end));
  return true;
}

void Runs::look(Clock::time_point now) {
  active_.remove_if([now](Active& run) { return look_at(run, now); });
}

std::optional<Clock::time_point> Runs::deadline() const {
  std::optional<Clock::time_point> out;
  for (const Active& run : active_) {
    if (!run.killed) out = std::min(out.value_or(run.deadline), run.deadline);
  }
  return out;
}

void Runs::end_all(std::chrono::milliseconds patience) {
  for (Active& run : active_) kill(run);
  const Clock::time_point give_up = Clock::now() + patience;
  for (look(Clock::now()); !active_.empty() && Clock::now() < give_up; look(Clock::now())) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  active_.clear();
}

}  // namespace broker
