#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sys/loop.h"

namespace sys::real {

/// The sleepers of one loop: a binary heap, first due first; equal times in order of arrival.
/// Allocates only while more sleep than ever before.
class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  /// Cancelling `done` takes the sleeper out and posts it to `loop`.
  void add(base::Instant due, Completion<>& done, Loop& loop);
  [[nodiscard]] std::optional<base::Instant> first_due() const;
  /// Takes out the first sleeper if it is due at `now`, else nullptr. It can no longer be cancelled
  /// and must be completed.
  [[nodiscard]] Completion<>* take_due(base::Instant now);
  [[nodiscard]] std::size_t size() const { return heap_.size(); }

 private:
  struct Sleeper {
    TimerQueue* queue = nullptr;
    Loop* loop = nullptr;
    Completion<>* done = nullptr;
    base::Instant due;
    std::uint64_t order = 0;
    std::size_t place = 0;  ///< In heap_.
  };

  [[nodiscard]] static bool before(const Sleeper& a, const Sleeper& b);
  static void cancel(void* sleeper, base::Operation& operation) noexcept;
  void remove(Sleeper& sleeper) noexcept;
  void put(std::size_t place, Sleeper* sleeper) noexcept;
  void rise(Sleeper* sleeper, std::size_t place) noexcept;
  void sink(Sleeper* sleeper, std::size_t place) noexcept;

  std::vector<std::unique_ptr<Sleeper>> all_;
  std::vector<Sleeper*> heap_;
  std::vector<Sleeper*> free_;
  std::uint64_t next_order_ = 0;
};

}  // namespace sys::real
