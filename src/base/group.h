#pragma once

#include <coroutine>
#include <cstddef>
#include <new>

#include "base/task.h"

namespace base {

/// Owns tasks that run side by side on one loop. Declared after everything that its tasks use;
/// must be empty (joined) when it is destroyed.
class Group {
 public:
  Group() = default;
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  ~Group() { PH_ASSERT(first_ == nullptr); }

  /// Runs the task until it waits for the first time. When memory is short (std::bad_alloc) the
  /// task alone ends: what it owns is released, and the others go on.
  void spawn(Task<> task);

  /// Cancels every task; none ends inside this call.
  void cancel() noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Waits until all tasks have ended. When its waiter is cancelled it cancels the group, and goes
  /// on waiting. At most one waiter.
  [[nodiscard]] auto join() noexcept { return Join(*this); }

 private:
  /// The coroutine that runs one task.
  struct Root;
  struct Member {
    Scope own_scope;
    Member* previous = nullptr;
    Member* next = nullptr;
  };

  class Join final : public Operation {
   public:
    explicit Join(Group& group) noexcept : group_(group) {}
    [[nodiscard]] bool await_ready() const noexcept { return group_.first_ == nullptr; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
      scope_ = waiter.promise().scope;
      waiter_ = waiter;
      group_.join_ = this;
      set_cancel(&group_,
                 [](void* group, Operation&) noexcept { static_cast<Group*>(group)->cancel(); });
      scope_->pending = this;
      if (scope_->cancelled) cancel();
    }
    void await_resume() const noexcept {}

   private:
    friend Group;
    Group& group_;
    Scope* scope_ = nullptr;
    std::coroutine_handle<> waiter_;
  };

  void add(Member& member) noexcept;
  /// Returns who goes on now that the member has ended: whoever waits in join(), or nobody.
  [[nodiscard]] std::coroutine_handle<> remove(Member& member) noexcept;
  static Root run(Group& group, Task<> task);

  Member* first_ = nullptr;
  std::size_t size_ = 0;
  Join* join_ = nullptr;
};

}  // namespace base
