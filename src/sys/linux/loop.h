#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "sys/loop.h"

namespace sys::real {

/// What the loop shares with the sockets and look-ups that run on it (core.h).
struct LoopCore;

/// An event loop over epoll. Whatever was made for it (Net, Signals, Resolver and what they made)
/// must be gone before it is.
class RealLoop final : public Loop {
 public:
  RealLoop();
  ~RealLoop() override;
  RealLoop(const RealLoop&) = delete;
  RealLoop& operator=(const RealLoop&) = delete;

  /// Runs on the calling thread until stop(); may be called again then.
  void run();
  /// From any thread. What is pending stays pending. Before run(): that run() returns at once.
  void stop() noexcept;

  void post(base::Posted& first, base::Posted& last) noexcept override;
  [[nodiscard]] Now<> sleep_until(base::Instant when, Completion<>& done) override;
  [[nodiscard]] base::Instant now() const override;

  [[nodiscard]] LoopCore& core() noexcept { return *core_; }

 private:
  std::unique_ptr<LoopCore> core_;
};

/// A loop on a thread of its own, which blocks all signals. Destruction stops and joins it.
class LoopThread {
 public:
  /// `name`: at most 15 octets, as `top -H` shows it.
  explicit LoopThread(const char* name);
  ~LoopThread();
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  [[nodiscard]] RealLoop& loop() noexcept { return loop_; }

 private:
  RealLoop loop_;
  std::thread thread_;
};

/// Signals of the process as operations of one loop: from construction to destruction they no
/// longer have their default effect. One object for each signal number in a process.
class Signals {
 public:
  Signals(RealLoop& loop, const std::vector<int>& numbers);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// The number of the next signal; those that came while nobody waited are kept. One waiter.
  /// Can be cancelled.
  [[nodiscard]] Now<int> wait(Completion<int>& done);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Awaitable form.
[[nodiscard]] inline auto wait(Signals& signals) {
  return base::operation<base::Io<int>>([&signals](auto& done) { return signals.wait(done); });
}

}  // namespace sys::real
