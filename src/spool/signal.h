#pragma once

#include <coroutine>

#include "base/operation.h"
#include "sys/loop.h"

namespace spool {

/// Wakes the one coroutine that waits for it, or keeps the wake-up for the next to wait. Of one
/// loop. Cannot be cancelled.
class Signal final : public base::Posted {
 public:
  explicit Signal(sys::Loop& loop) : loop_(loop) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  void raise() noexcept {
    raised_ = true;
    if (!waiter_ || posted_) return;
    posted_ = true;
    run = [](Posted& posted) noexcept {
      auto& self = static_cast<Signal&>(posted);
      self.posted_ = false;
      self.raised_ = false;
      std::exchange(self.waiter_, nullptr).resume();
    };
    next = nullptr;
    loop_.post(*this, *this);
  }

  [[nodiscard]] auto wait() noexcept {
    struct Awaiter {
      Signal& signal;
      [[nodiscard]] bool await_ready() const noexcept {
        return std::exchange(signal.raised_, false);
      }
      void await_suspend(std::coroutine_handle<> waiter) const noexcept {
        PH_ASSERT(!signal.waiter_);
        signal.waiter_ = waiter;
      }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this};
  }

 private:
  sys::Loop& loop_;
  std::coroutine_handle<> waiter_;
  bool raised_ = false;
  bool posted_ = false;
};

}  // namespace spool
