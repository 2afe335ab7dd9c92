#pragma once

#include <sys/types.h>

#include <optional>

#include "broker/broker.h"
#include "broker/identity.h"
#include "sys/linux/descriptor.h"

namespace broker {

/// The process that does the work: of another user, without privileges.
class WorkerProcess {
 public:
  WorkerProcess() = default;
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  [[nodiscard]] base::Io<> start(const Identity& identity);

  [[nodiscard]] bool runs() const { return pid_ != 0; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const sys::real::Descriptor& requests() const { return requests_; }
  [[nodiscard]] const sys::real::Descriptor& ended() const { return ended_; }
  void hear_no_more() { requests_ = sys::real::Descriptor(); }
  void order(Order order) const;
  void kill() const;

  struct End {
    bool by_signal = false;
    int number = 0;  ///< Signal or exit status.
  };
  /// Nullopt: it runs.
  [[nodiscard]] std::optional<End> reap();

 private:
  pid_t pid_ = 0;
  sys::real::Descriptor requests_;
  sys::real::Descriptor orders_;
  sys::real::Descriptor ended_;  ///< A pidfd.
};

}  // namespace broker
