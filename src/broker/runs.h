#pragma once

#include <poll.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <expected>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "broker/message.h"
#include "broker/rules.h"
#include "sys/linux/descriptor.h"

namespace broker {

using Clock = std::chrono::steady_clock;

/// The programs and deliveries that run under other users for a worker. Each is ended, with all its
/// process group, when the worker wants it, has closed its socket, or the time is up. Of a process
/// of one thread, which nothing blocks: the user database is asked by the new process itself.
class Runs {
 public:
  /// All together, and in the homes of one user.
  static constexpr std::size_t runs_max = 96;
  static constexpr std::size_t home_runs_max = 8;
  /// Whatever a worker wants.
  static constexpr std::chrono::seconds time_max{600};

  struct Ends {
    sys::real::Descriptor control;
    sys::real::Descriptor input;
    sys::real::Descriptor output;
  };
  /// What the worker gets, or an errno: EPERM when the rules are against it, EAGAIN beyond the
  /// limits. What fails later is told as RunEnd::How::not_started: ESRCH when there is no such
  /// user, EPERM when that one may have no mail.
  [[nodiscard]] std::expected<Ends, int> start(const StartRun& run, const Rules& rules);

  void add_polled(std::vector<pollfd>& polled) const;
  /// Looks after all of them.
  void look(Clock::time_point now);
  /// When to look again, even if nothing happens.
  [[nodiscard]] std::optional<Clock::time_point> deadline() const;
  /// Kills all of them, and waits until they are gone, or `patience` is over.
  void end_all(std::chrono::milliseconds patience);

 private:
  struct Active {
    std::string home_of;  ///< Of a delivery into a home.
    pid_t pid = 0;
    sys::real::Descriptor ended;      ///< A pidfd.
    sys::real::Descriptor control;    ///< Our end.
    sys::real::Descriptor complaint;  ///< Of the new process: an errno.
    Clock::time_point deadline;
    bool timed_out = false;
    bool killed = false;
  };

  /// True: it is gone.
  [[nodiscard]] static bool look_at(Active& run, Clock::time_point now);
  static void kill(Active& run);

  std::list<Active> active_;
};

}  // namespace broker
