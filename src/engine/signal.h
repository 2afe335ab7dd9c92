#pragma once

#include <utility>

#include "sys/loop.h"

namespace engine {

/// One coroutine wakes another on the same loop. Sticky: a notify() that nobody waits for makes the
/// next wait() end at once. At most one waiter.
class Signal {
 public:
  explicit Signal(sys::Loop& loop) : loop_(loop) {}

  void notify() noexcept {
    if (waiter_ == nullptr) {
      notified_ = true;
      return;
    }
    finish({});
  }

  /// Gives IoErrorCode::cancelled when its scope is cancelled or interrupted.
  [[nodiscard]] auto wait() {
    return base::operation<base::Io<>>([this](auto& done) { return start(done); });
  }

  [[nodiscard]] bool has_waiter() const { return waiter_ != nullptr; }

 private:
  sys::Now<> start(sys::Completion<>& done) {
    if (std::exchange(notified_, false)) return base::Io<>{};
    PH_ASSERT(waiter_ == nullptr);
    waiter_ = &done;
    done.set_cancel(this, [](void* self, base::Operation&) noexcept {
      static_cast<Signal*>(self)->finish(base::io_error(base::IoErrorCode::cancelled));
    });
    return std::nullopt;
  }
  void finish(base::Io<> result) noexcept {
    sys::Completion<>* done = std::exchange(waiter_, nullptr);
    done->queue_result(result);
    loop_.post(*done, *done);
  }

  sys::Loop& loop_;
  sys::Completion<>* waiter_ = nullptr;
  bool notified_ = false;
};

}  // namespace engine
