#include "sys/linux/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/assert.h"

namespace sys::real {

using base::Io;
using base::IoErrorCode;

namespace {

/// Above the standard ones, whose numbers the child's ends are about to get.
Io<Descriptor> raised(int fd) {
  Descriptor low(fd);
  if (fd > STDERR_FILENO) return low;
  Descriptor high(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!high) return system_failure();
  return high;
}

/// Lowers a limit, for good.
[[nodiscard]] bool limit(__rlimit_resource what, rlim_t most) {
  rlimit now{};
  if (::getrlimit(what, &now) != 0) return false;
  now.rlim_max = std::min(now.rlim_max, most);
  now.rlim_cur = std::min(now.rlim_cur, now.rlim_max);
  return ::setrlimit(what, &now) == 0;
}

/// Zero when the program has begun, else an errno.
[[nodiscard]] int heard(const Descriptor& complaint) {
  int failed = 0;
  ssize_t got = 0;
  do {
    got = ::read(complaint.get(), &failed, sizeof failed);
  } while (got < 0 && errno == EINTR);
  return got == sizeof failed ? failed : 0;
}

/// The C library's header has no C++ linkage for it.
Descriptor open_pidfd(pid_t pid) {
  return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

/// All that the new process needs, made ready before it exists: between vfork() and execve() it
/// lives in our memory, and may do little more than call the kernel.
struct Plan {
  std::string file;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  Surroundings surroundings;
  int complaint;  ///< Where it says by an errno what went wrong; closed by its success.
};

/// Not posix_spawn(), which knows no limits. The caller's thread takes no signals.
Io<pid_t> start(const Plan& plan) {
  const pid_t child = ::vfork();
  if (child < 0) return system_failure();
  if (child == 0) {
    if (take_surroundings(plan.surroundings)) {
      reset_signals();
      ::execve(plan.file.c_str(), plan.arguments.data(), plan.environment.data());
    }
    const int failed = errno;
    (void)!::write(plan.complaint, &failed, sizeof failed);
    ::_exit(127);
  }
  return child;
}

/// Until somebody waits for the leader, its number is not given to others.
void kill_group(pid_t leader) noexcept { (void)::kill(-leader, SIGKILL); }

std::optional<ProgramEnd> end_of(pid_t child, bool wait) noexcept {
  siginfo_t info{};
  int result = 0;
  do {
    result = ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | (wait ? 0 : WNOHANG));
  } while (result != 0 && errno == EINTR);
  if (result == 0 && info.si_pid == 0) return std::nullopt;
  ProgramEnd end;
  const bool exited = result == 0 && info.si_code == CLD_EXITED;
  end.how = exited ? ProgramEnd::How::exited : ProgramEnd::How::killed;
  end.number = info.si_status;
  return end;
}

/// Nobody else waits for it.
class OwnChild final : public Child {
 public:
  explicit OwnChild(pid_t pid) : pid_(pid) {}

  void kill() noexcept override { kill_group(pid_); }
  [[nodiscard]] std::optional<Io<ProgramEnd>> reap(bool wait) noexcept override {
    std::optional<ProgramEnd> end = end_of(pid_, wait);
    if (!end) return std::nullopt;
    return std::move(*end);
  }

 private:
  pid_t pid_;
};

}  // namespace

Io<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure();
  Io<Descriptor> read = raised(ends[0]);
  Io<Descriptor> write = raised(ends[1]);
  if (!read) return std::unexpected(read.error());
  if (!write) return std::unexpected(write.error());
  return Pipe{std::move(*read), std::move(*write)};
}

void stop_blocking(const Descriptor& pipe) {
  (void)::fcntl(pipe.get(), F_SETFL, ::fcntl(pipe.get(), F_GETFL) | O_NONBLOCK);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

Io<std::string> find_command(const std::string& command) {
  if (command.empty()) return base::io_error(IoErrorCode::not_found, ENOENT);
  if (command.contains('/')) return command;
  std::string_view folders = program_path;
  for (;;) {
    const std::size_t colon = folders.find(':');
    std::string path = std::string(folders.substr(0, colon)) + '/' + command;
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
        ::access(path.c_str(), X_OK) == 0) {
      return path;
    }
    if (colon == folders.npos) return base::io_error(IoErrorCode::not_found, ENOENT);
    folders.remove_prefix(colon + 1);
  }
}

std::vector<std::string> environment_of(const Program& program) {
  std::vector<std::string> out{"PATH=" + std::string(program_path), "LANG=C"};
  out.insert(out.end(), program.environment.begin(), program.environment.end());
  return out;
}

bool take_surroundings(const Surroundings& surroundings) {
  if (::setsid() < 0 || ::chdir(surroundings.directory) != 0) return false;
  if (::dup2(surroundings.input, STDIN_FILENO) < 0 ||
      ::dup2(surroundings.output, STDOUT_FILENO) < 0 ||
      ::dup2(surroundings.output, STDERR_FILENO) < 0) {
    return false;
  }
  // Closes all others as execve() succeeds, and not before: one of them is for complaints.
  if (::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) return false;
  return limit(RLIMIT_CORE, 0) && limit(RLIMIT_NOFILE, child_files_max);
}

// By the kernel, since sigaction() refuses the two numbers that the C library keeps for its
// threads: whoever started us by its posix_spawn() may have left these ignored.
void reset_signals() {
  constexpr std::array<unsigned long, 4> by_default{};  // Handler, flags, restorer, mask.
  constexpr std::size_t mask_octets = NSIG / 8;
  for (int number = 1; number < NSIG; ++number) {
    (void)::syscall(SYS_rt_sigaction, number, by_default.data(), nullptr, mask_octets);
  }
  sigset_t none;
  sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

Spawned spawn(const Program& program) {
  PH_ASSERT(!program.arguments.empty());
  // Only a process that may become others can do that.
  if (!program.run_as.empty()) return base::io_error(IoErrorCode::denied, EPERM);
  Io<std::string> file = find_command(program.arguments.front());
  if (!file) return std::unexpected(file.error());
  Io<Pipe> input = make_pipe();
  if (!input) return std::unexpected(input.error());
  Io<Pipe> output = make_pipe();
  if (!output) return std::unexpected(output.error());
  Io<Pipe> complaint = make_pipe();
  if (!complaint) return std::unexpected(complaint.error());

  const std::vector<std::string> environment = environment_of(program);
  const Io<pid_t> pid =
      start({.file = std::move(*file),
             .arguments = pointers(program.arguments),
             .environment = pointers(environment),
             .surroundings = {program.directory.c_str(), input->read.get(), output->write.get()},
             .complaint = complaint->write.get()});
  if (!pid) return std::unexpected(pid.error());
  complaint->write = Descriptor();
  if (const int failed = heard(complaint->read); failed != 0) {
    (void)end_of(*pid, true);
    return std::unexpected(base::from_errno(failed));
  }
  auto child = std::make_unique<OwnChild>(*pid);
  child->ended = open_pidfd(*pid);
  child->input = std::move(input->write);
  child->output = std::move(output->read);
  if (!child->ended) {
    const auto error = system_failure();
    child->kill();
    (void)child->reap(true);
    return error;
  }
  stop_blocking(child->input);
  stop_blocking(child->output);
  return child;
}

}  // namespace sys::real
