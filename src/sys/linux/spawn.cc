#include "sys/linux/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
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

struct Pipe {
  Descriptor read;
  Descriptor write;
};

/// Above the standard ones, whose numbers the child's ends are about to get.
Io<Descriptor> raised(int fd) {
  Descriptor low(fd);
  if (fd > STDERR_FILENO) return low;
  Descriptor high(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!high) return system_failure();
  return high;
}

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

/// What posix_spawn() is told, freed at the end.
class SpawnPlan {
 public:
  SpawnPlan() {
    PH_ASSERT(::posix_spawn_file_actions_init(&actions) == 0);
    PH_ASSERT(::posix_spawnattr_init(&attributes) == 0);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }

  /// Zero, or an errno.
  [[nodiscard]] int fill(const Program& program, int input, int output) {
    sigset_t all;
    sigset_t none;
    sigfillset(&all);
    sigemptyset(&none);
    const std::array results{
        ::posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF),
        ::posix_spawnattr_setsigdefault(&attributes, &all),
        ::posix_spawnattr_setsigmask(&attributes, &none),
        ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO),
        ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO),
        ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO),
        ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1),
        ::posix_spawn_file_actions_addchdir_np(&actions, program.directory.c_str())};
    for (const int result : results) {
      if (result != 0) return result;
    }
    return 0;
  }

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

/// As posix_spawn() takes them. `texts` must stay as they are.
std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

/// The file of a command. Not by posix_spawnp(): that follows PATH of our own environment.
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

/// After it has begun, since posix_spawn() knows no limits: the loader has hardly run by then.
void limit(pid_t pid) {
  const rlimit none{0, 0};
  (void)::prlimit(pid, RLIMIT_CORE, &none, nullptr);
  rlimit files{};
  if (::prlimit(pid, RLIMIT_NOFILE, nullptr, &files) != 0) return;
  files.rlim_max = std::min<rlim_t>(files.rlim_max, child_files_max);
  files.rlim_cur = std::min(files.rlim_cur, files.rlim_max);
  (void)::prlimit(pid, RLIMIT_NOFILE, &files, nullptr);
}

}  // namespace

Io<Child> spawn(const Program& program) {
  PH_ASSERT(!program.arguments.empty());
  const Io<std::string> file = find_command(program.arguments.front());
  if (!file) return std::unexpected(file.error());
  Io<Pipe> input = make_pipe();
  if (!input) return std::unexpected(input.error());
  Io<Pipe> output = make_pipe();
  if (!output) return std::unexpected(output.error());

  std::vector<std::string> environment{"PATH=" + std::string(program_path), "LANG=C"};
  environment.insert(environment.end(), program.environment.begin(), program.environment.end());
  SpawnPlan plan;
  Child child;
  int failed = plan.fill(program, input->read.get(), output->write.get());
  if (failed == 0) {
    failed = ::posix_spawn(&child.pid, file->c_str(), &plan.actions, &plan.attributes,
                           pointers(program.arguments).data(), pointers(environment).data());
  }
  if (failed != 0) return std::unexpected(base::from_errno(failed));
  limit(child.pid);
  child.ended = Descriptor(::pidfd_open(child.pid, 0));
  if (!child.ended) {
    const auto error = system_failure();
    kill_group(child.pid);
    (void)reap(child.pid, true);
    return error;
  }
  child.input = std::move(input->write);
  child.output = std::move(output->read);
  stop_blocking(child.input);
  stop_blocking(child.output);
  return child;
}

void kill_group(pid_t leader) noexcept {
  // Until somebody waits for the leader, its number is not given to others.
  (void)::kill(-leader, SIGKILL);
}

std::optional<ProgramEnd> reap(pid_t child, bool wait) noexcept {
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

}  // namespace sys::real
