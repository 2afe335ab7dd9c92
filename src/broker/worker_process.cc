#include "broker/worker_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "broker/channel.h"
#include "sys/linux/spawn.h"

namespace broker {

using base::Io;
using sys::real::Descriptor;
using sys::real::system_failure;

namespace {

/// Both ends above the numbers that the worker's are to get.
Io<ChannelPair> high_channel() {
  Io<ChannelPair> low = make_channel();
  if (!low) return low;
  ChannelPair out{Descriptor(::fcntl(low->ours.get(), F_DUPFD_CLOEXEC, orders_descriptor + 1)),
                  Descriptor(::fcntl(low->theirs.get(), F_DUPFD_CLOEXEC, orders_descriptor + 1))};
  if (!out.ours || !out.theirs) return system_failure();
  return out;
}

/// In the new process.
[[noreturn]] void live(const Identity& identity, pid_t parent, int requests, int orders) {
  // What a terminal says to its processes the broker alone hears.
  bool good = ::setsid() >= 0 && become(identity, parent) && ::chdir("/") == 0;
  good = good && ::dup2(requests, requests_descriptor) >= 0 &&
         ::dup2(orders, orders_descriptor) >= 0 &&
         ::close_range(orders_descriptor + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
  if (good) {
    ::unsetenv("NOTIFY_SOCKET");
    ::setenv("HOME", identity.home.c_str(), 1);
    ::setenv("USER", identity.name.c_str(), 1);
    ::setenv("LOGNAME", identity.name.c_str(), 1);
    sys::real::reset_signals();
    ::execl("/proc/self/exe", "posthaste", worker_command, nullptr);
  }
  std::fprintf(stderr, "posthaste: cannot become the worker: %s\n", std::strerror(errno));
  ::_exit(1);
}

}  // namespace

Io<> WorkerProcess::start(const Identity& identity) {
  Io<ChannelPair> requests = high_channel();
  Io<ChannelPair> orders = high_channel();
  if (!requests || !orders) return system_failure();
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return system_failure();
  if (pid == 0) live(identity, parent, requests->theirs.get(), orders->theirs.get());
  pid_ = pid;
  ended_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  requests_ = std::move(requests->ours);
  orders_ = std::move(orders->ours);
  return {};
}

void WorkerProcess::order(Order order) const {
  const char octet = static_cast<char>(order);
  if (runs()) (void)send_packet(orders_, {&octet, 1});
}

void WorkerProcess::kill() const {
  if (runs()) (void)::kill(pid_, SIGKILL);
}

std::optional<WorkerProcess::End> WorkerProcess::reap() {
  siginfo_t info{};
  const auto id = static_cast<id_t>(pid_);
  if (::waitid(P_PID, id, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) return std::nullopt;
  pid_ = 0;
  requests_ = Descriptor();
  orders_ = Descriptor();
  ended_ = Descriptor();
  return End{.by_signal = info.si_code != CLD_EXITED, .number = info.si_status};
}

}  // namespace broker
