#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/error.h"

// What a coroutine waits for. An operation either returns its result at once, or nothing, and then
// completes exactly once on the loop of its caller: never inside the call that started it, and
// never inside cancel(). It lives in the awaiting coroutine's frame, so waiting allocates nothing.
namespace base {

/// Something that a loop runs once. Links itself into the loop's list: posting allocates nothing.
struct Posted {
  Posted* next = nullptr;
  void (*run)(Posted&) noexcept = nullptr;
};

class Operation : public Posted {
 public:
  using Cancel = void (*)(void* owner, Operation& operation) noexcept;

  Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  /// How to cancel, said by whoever carries the operation out. The operation still completes, soon,
  /// on its loop: with IoErrorCode::cancelled, or with its result if that came first.
  void set_cancel(void* owner, Cancel cancel) noexcept {
    owner_ = owner;
    cancel_ = cancel;
  }
  /// Must be called when the completion has been queued: from then on cancelling does nothing.
  void clear_cancel() noexcept { cancel_ = nullptr; }

  /// Does nothing the second time, or when the operation cannot be cancelled.
  void cancel() noexcept {
    if (const Cancel how = std::exchange(cancel_, nullptr)) how(owner_, *this);
  }

 private:
  void* owner_ = nullptr;
  Cancel cancel_ = nullptr;
};

/// The place of the result. R is an Io<…>.
template <class R>
class Completion : public Operation {
 public:
  /// Ends the operation and resumes its waiter. Only on the waiter's loop.
  void complete(R result) noexcept {
    queue_result(std::move(result));
    run(*this);
  }

  /// Ends the operation without resuming anybody; whoever calls it then posts this object to the
  /// waiter's loop, which resumes the waiter. Only on that loop's thread.
  void queue_result(R result) noexcept {
    clear_cancel();
    result_.emplace(std::move(result));
  }

  /// The same for operations that run on another thread; these cannot be cancelled.
  void set_result(R result) noexcept { result_.emplace(std::move(result)); }

 protected:
  std::optional<R> result_;
};

/// The cancellation of one line of coroutines that wait for each other: at most one operation of it
/// is pending.
struct Scope {
  Operation* pending = nullptr;
  bool cancelled = false;

  /// Ends the pending operation alone: a deadline. The coroutine goes on.
  void interrupt() noexcept {
    if (pending != nullptr) pending->cancel();
  }
  /// For good: this and every later operation ends with IoErrorCode::cancelled.
  void cancel() noexcept {
    cancelled = true;
    interrupt();
  }
};

/// Awaits an operation. `Start` is called with the Completion and returns std::optional<R>.
template <class R, class Start>
class OperationAwaiter final : public Completion<R> {
 public:
  explicit OperationAwaiter(Start start) : start_(std::move(start)) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }

  template <class Promise>
  [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> waiter) {
    scope_ = waiter.promise().scope;
    if (scope_->cancelled) {
      this->result_.emplace(io_error(IoErrorCode::cancelled));
      return false;
    }
    waiter_ = waiter;
    this->run = &resume;
    scope_->pending = this;
    // Another thread may complete us from here on, but it posts to this loop, which is busy here.
    std::optional<R> at_once = start_(static_cast<Completion<R>&>(*this));
    if (!at_once) return true;
    scope_->pending = nullptr;
    this->result_ = std::move(at_once);
    return false;
  }

  [[nodiscard]] R await_resume() noexcept { return std::move(*this->result_); }

 private:
  static void resume(Posted& posted) noexcept {
    auto& self = static_cast<OperationAwaiter&>(posted);
    PH_ASSERT(self.scope_->pending == &self);
    self.scope_->pending = nullptr;
    self.waiter_.resume();
  }

  Start start_;
  Scope* scope_ = nullptr;
  std::coroutine_handle<> waiter_;
};

/// `co_await operation<Io<T>>([&](auto& completion) { return net.connect(…, completion); })`.
/// What `start` refers to must outlive the co_await expression.
template <class R, class Start>
[[nodiscard]] OperationAwaiter<R, Start> operation(Start start) {
  return OperationAwaiter<R, Start>(std::move(start));
}

}  // namespace base
