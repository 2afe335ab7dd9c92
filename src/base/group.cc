#include "base/group.h"

#include <utility>

namespace base {

struct Group::Root {
  struct promise_type : Member {
    promise_type(Group& owner, Task<>&) noexcept : group(owner), scope(&own_scope) {
      group.add(*this);
    }
    [[nodiscard]] Root get_return_object() noexcept {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    struct FinalAwaiter {
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      [[nodiscard]] std::coroutine_handle<> await_suspend(
          std::coroutine_handle<promise_type> done) const noexcept {
        Group& owner = done.promise().group;
        const std::coroutine_handle<> next = owner.remove(done.promise());
        done.destroy();
        return next;
      }
      void await_resume() const noexcept {}
    };
    [[nodiscard]] FinalAwaiter final_suspend() const noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }

    Group& group;
    Scope* scope;  ///< What Task looks for in its awaiter's promise.
  };

  std::coroutine_handle<promise_type> handle;
};

Group::Root Group::run(Group& /*group*/, Task<> task) {
  try {
    co_await std::move(task);
  } catch (const std::bad_alloc&) {
    // Memory is short: this task's share is given back, which helps the others.
  }
}

void Group::spawn(Task<> task) {
  try {
    run(*this, std::move(task)).handle.resume();
  } catch (const std::bad_alloc&) {
    // No memory even for the task's frame: it ends before it began.
  }
}

void Group::cancel() noexcept {
  for (Member* member = first_; member != nullptr; member = member->next)
    member->own_scope.cancel();
}

void Group::add(Member& member) noexcept {
  member.next = first_;
  if (first_ != nullptr) first_->previous = &member;
  first_ = &member;
  ++size_;
}

std::coroutine_handle<> Group::remove(Member& member) noexcept {
  (member.previous != nullptr ? member.previous->next : first_) = member.next;
  if (member.next != nullptr) member.next->previous = member.previous;
  --size_;
  if (first_ != nullptr || join_ == nullptr) return std::noop_coroutine();
  Join* const join = std::exchange(join_, nullptr);
  join->clear_cancel();
  join->scope_->pending = nullptr;
  return join->waiter_;
}

}  // namespace base
