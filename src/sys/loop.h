#pragma once

#include "base/error.h"
#include "base/operation.h"
#include "base/time.h"

namespace sys {

/// What an operation gives: its result at once, or nothing and then exactly one completion.
template <class T = void>
using Now = std::optional<base::Io<T>>;

template <class T = void>
using Completion = base::Completion<base::Io<T>>;

/// One thread's event loop. All but post() is for its own thread.
class Loop {
 public:
  virtual ~Loop() = default;

  /// Runs the chain `first` … `last` (linked by `next`) on this loop, in order, soon, never inside
  /// this call. From any thread; one wake-up for a chain.
  virtual void post(base::Posted& first, base::Posted& last) noexcept = 0;

  /// Can be cancelled.
  [[nodiscard]] virtual Now<> sleep_until(base::Instant, Completion<>&) = 0;

  /// The monotonic clock; may stand still within one turn of the loop.
  [[nodiscard]] virtual base::Instant now() const = 0;
};

/// Waits for nothing: lets the loop's other work run once.
class Yield final : public base::Posted {
 public:
  explicit Yield(Loop& loop) : loop_(loop) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) noexcept {
    waiter_ = waiter;
    run = [](Posted& posted) noexcept { static_cast<Yield&>(posted).waiter_.resume(); };
    loop_.post(*this, *this);
  }
  void await_resume() const noexcept {}

 private:
  Loop& loop_;
  std::coroutine_handle<> waiter_;
};

}  // namespace sys
