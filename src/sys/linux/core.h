#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <mutex>

#include "sys/linux/loop.h"
#include "sys/linux/timer_queue.h"

// Included by the sources of sys/linux alone, since Asio is heavy.
namespace sys::real {

namespace asio = boost::asio;

/// Concrete: the type-erased default costs 6 µs a message.
using Executor = asio::io_context::executor_type;

/// Memory for one Asio handler at a time, so that a wait allocates nothing. A handler that does not
/// fit, or comes while the place is taken, goes to the heap.
class HandlerPlace {
 public:
  [[nodiscard]] void* take(std::size_t octets) {
    if (taken_ || octets > sizeof place_) return ::operator new(octets);
    taken_ = true;
    return place_;
  }
  void give_back(void* memory) noexcept {
    if (memory == place_) {
      taken_ = false;
    } else {
      ::operator delete(memory);
    }
  }

 private:
  alignas(std::max_align_t) std::byte place_[112];
  bool taken_ = false;
};

template <class T>
class HandlerAllocator {
 public:
  using value_type = T;
  explicit HandlerAllocator(HandlerPlace& place) noexcept : place_(&place) {}
  template <class U>
  HandlerAllocator(const HandlerAllocator<U>& other) noexcept : place_(other.place_) {}

  [[nodiscard]] T* allocate(std::size_t count) {
    return static_cast<T*>(place_->take(count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t /*count*/) noexcept { place_->give_back(memory); }
  friend bool operator==(const HandlerAllocator&, const HandlerAllocator&) = default;

 private:
  template <class U>
  friend class HandlerAllocator;
  HandlerPlace* place_;
};

/// Calls `(object->*method)(error)`, allocating in `place`. `object` must outlive the wait.
template <class Object, void (Object::*method)(const boost::system::error_code&)>
struct Handler {
  using allocator_type = HandlerAllocator<void>;

  Object* object;
  HandlerPlace* place;

  [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_type(*place); }
  void operator()(const boost::system::error_code& error = {}) const { (object->*method)(error); }
};

/// The chains that other threads and this one have posted.
class PostedList {
 public:
  /// True: nobody has been told yet that there is something to run.
  [[nodiscard]] bool add(base::Posted& first, base::Posted& last) noexcept;
  /// Takes everything; the next add() returns true.
  [[nodiscard]] base::Posted* take() noexcept;

 private:
  std::mutex mutex_;
  base::Posted* first_ = nullptr;
  base::Posted* last_ = nullptr;
  bool told_ = false;
};

/// What one recv() takes at most.
inline constexpr std::size_t read_octets_max = 64 * 1024;

/// So many operations of one connection or listener may have their result at once; then one goes
/// through the loop, so that a fast peer does not keep the others waiting.
inline constexpr int at_once_max = 32;

struct LoopCore {
  explicit LoopCore(RealLoop& owner) : loop(owner) {}

  void wake();
  void run_posted(const boost::system::error_code&);
  void arm_timer(base::Instant due);
  void run_timers(const boost::system::error_code& error);

  RealLoop& loop;
  PostedList posted;
  HandlerPlace posted_place;
  HandlerPlace timer_place;
  TimerQueue sleepers;
  base::Instant armed_for = base::Instant::max();
  std::unique_ptr<std::array<char, read_octets_max>> buffer =
      std::make_unique<std::array<char, read_octets_max>>();
  /// One thread; others reach it through post() and stop() alone.
  asio::io_context io{1};
  asio::executor_work_guard<Executor> work{io.get_executor()};
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, Executor>
      timer{io};
};

}  // namespace sys::real
