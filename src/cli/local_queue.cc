#include "cli/local_queue.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "base/group.h"
#include "cli/data_owner.h"
#include "cli/knock.h"
#include "cli/log_file.h"
#include "cli/output.h"
#include "cli/server_host.h"
#include "server/settings.h"

namespace cli {
namespace {

using namespace std::chrono_literals;

/// A server that starts or ends holds the queue, and does not answer yet or any more.
constexpr auto patience = 5s;
constexpr auto patience_step = 50ms;

/// How the process that takes the mail in ends before it is ready.
constexpr int intake_failed = 1;
constexpr int intake_busy = 2;

/// A server that takes local mail into its queue and does nothing else, until SIGTERM.
class Intake {
 public:
  Intake(std::shared_ptr<const config::Config> config, const LogFile* log, int ready)
      : signals_(world_.loop, {SIGTERM}),
        host_(
            world_, std::move(config),
            [log](std::string_view lines) {
              if (log != nullptr) log->write(lines);
            },
            server::Purpose::take_local_mail),
        ready_(ready) {}

  int run() {
    base::Group group;
    group.spawn(serve());
    world_.loop.run();
    return status_;
  }

 private:
  base::Task<> serve() {
    server::Server& server = host_.server();
    const auto started = co_await server.start();
    running_.spawn(server.run());
    if (started) {
      (void)write_all(ready_, "r");
      (void)co_await sys::real::wait(signals_);
    } else if (server.found_busy()) {
      status_ = intake_busy;
    } else {
      complain("posthaste: sendmail: " + started.error());
      status_ = intake_failed;
    }
    server.stop();
    co_await running_.join();
    world_.loop.stop();
  }

  sys::real::RealWorld world_;
  sys::real::Signals signals_;
  ServerHost host_;
  base::Group running_;
  int ready_;
  int status_ = 0;
};

int run_intake(std::shared_ptr<const config::Config> config, int ready) {
  ::umask(077);
  ::signal(SIGPIPE, SIG_IGN);
  std::expected<LogFile, std::string> log = std::unexpected(std::string());
  std::expected<void, std::string> able = become_owner_of(config->data_dir);
  if (able) {
    log = LogFile::open(config->log.file);
    if (!log) able = std::unexpected(log.error());
  }
  if (!able) {
    complain("posthaste: sendmail: " + able.error());
    return intake_failed;
  }
  // A change of user has undone it.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  const bool has_file = !config->log.file.empty();
  return Intake(std::move(config), has_file ? &*log : nullptr, ready).run();
}

/// That server, as a process of its own: it may have to be another user, and the one who submits is
/// recorded.
class IntakeProcess {
 public:
  IntakeProcess() = default;
  IntakeProcess(const IntakeProcess&) = delete;
  IntakeProcess& operator=(const IntakeProcess&) = delete;
  ~IntakeProcess() { (void)stop(); }

  /// Returns 0 when it is ready, else how it ended.
  [[nodiscard]] int start(const std::shared_ptr<const config::Config>& config) {
    int ends[2];
    if (::pipe(ends) != 0) return intake_failed;
    sys::real::Descriptor reading(ends[0]), writing(ends[1]);
    const pid_t parent = ::getpid();
    child_ = ::fork();
    if (child_ < 0) return intake_failed;
    if (child_ == 0) {
      // Whatever becomes of the caller, the queue must not stay locked.
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);
      if (::getppid() != parent) ::_exit(intake_failed);
      ::_exit(run_intake(config, writing.get()));
    }
    writing = sys::real::Descriptor();
    char octet = 0;
    ssize_t got = 0;
    do {
      got = ::read(reading.get(), &octet, 1);
    } while (got < 0 && errno == EINTR);
    if (got == 1) return 0;
    const int status = stop();
    return status == 0 ? intake_failed : status;
  }

  int stop() {
    if (child_ <= 0) return 0;
    ::kill(child_, SIGTERM);
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    child_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : intake_failed;
  }

 private:
  pid_t child_ = 0;
};

}  // namespace

std::expected<int, std::string> talk_to_queue(
    const config::Config& config,
    const std::function<std::shared_ptr<const config::Config>()>& with_accounts,
    const LocalTalk& talk) {
  const std::string path = server::submit_path(config.data_dir);
  const auto give_up = std::chrono::steady_clock::now() + patience;
  std::shared_ptr<const config::Config> whole;
  do {
    const base::Io<> running = knock(path);
    if (running) return talk(path);
    if (!is_stopped(running)) {
      return std::unexpected(path + ": " + base::describe(running.error()));
    }
    if (!whole) whole = with_accounts();
    if (!whole) return std::unexpected("the server is stopped, and its queue not for you");
    IntakeProcess intake;
    const int failed = intake.start(whole);
    if (failed == 0) return talk(path);
    if (failed != intake_busy) return std::unexpected("the server is stopped");
    std::this_thread::sleep_for(patience_step);
  } while (std::chrono::steady_clock::now() < give_up);
  return std::unexpected(config.data_dir + ": a server is starting or ending there");
}

}  // namespace cli
