#pragma once

#include "base/operation.h"
#include "sys/loop.h"

namespace sys {

/// A calculation that takes long (a password check). Pure: touches nothing but itself.
class Job : public base::Posted {
 public:
  virtual void work() noexcept = 0;  ///< Runs on a thread of the pool.

 protected:
  ~Job() = default;
};

/// As many threads as cores, with a bounded line behind them.
class Workers {
 public:
  virtual ~Workers() = default;

  /// Runs `job` off the loops and completes on `home`. IoErrorCode::busy at once when the line is
  /// full. `job` must live until then: a started job cannot be cancelled.
  [[nodiscard]] virtual Now<> run(Job& job, Loop& home, Completion<>&) = 0;
};

}  // namespace sys
