#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "base/task.h"
#include "sys/loop.h"

namespace engine {
namespace detail {

/// What the two threads share; lives in the frame that waits at home.
template <class T>
struct Remote {
  sys::Loop& there;
  sys::Loop& home;
  base::Task<T> task;
  base::Scope scope{};  ///< Nobody cancels what runs elsewhere.
  std::optional<T> result{};
  sys::Completion<>* done = nullptr;
};

/// The coroutine that runs on the other loop. Its last act is the post to home: from then on nothing
/// of it is left there.
template <class T>
struct RemoteRun {
  struct promise_type {
    explicit promise_type(Remote<T>& state) noexcept : remote(state), scope(&state.scope) {}
    [[nodiscard]] RemoteRun get_return_object() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
    struct Final {
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> ended) const noexcept {
        Remote<T>& shared = ended.promise().remote;
        ended.destroy();
        shared.done->set_result({});
        shared.home.post(*shared.done, *shared.done);
      }
      void await_resume() const noexcept {}
    };
    [[nodiscard]] Final final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }

    Remote<T>& remote;
    base::Scope* scope;
  };
};

template <class T>
RemoteRun<T> run_remote(Remote<T>& remote) {
  remote.result.emplace(co_await std::move(remote.task));
}

}  // namespace detail

/// Runs `task` on the loop `there` and gives its result on the loop `home`, the caller's. It cannot
/// be cancelled: the caller waits until it has ended.
template <class T>
[[nodiscard]] base::Task<T> run_on(sys::Loop& there, sys::Loop& home, base::Task<T> task) {
  detail::Remote<T> remote{there, home, std::move(task)};
  struct Start : base::Posted {
    detail::Remote<T>* remote;
  } start;
  start.remote = &remote;
  start.run = [](base::Posted& posted) noexcept {
    detail::run_remote(*static_cast<Start&>(posted).remote);
  };
  // When the caller has been cancelled already, the task does not begin.
  const base::Io<> ran = co_await base::operation<base::Io<>>(
      [&](sys::Completion<>& done) -> sys::Now<> {
        remote.done = &done;
        remote.there.post(start, start);
        return std::nullopt;
      });
  if (!ran) co_return T(std::unexpected(ran.error()));
  co_return std::move(*remote.result);
}

}  // namespace engine
