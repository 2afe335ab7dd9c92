#pragma once

#include <cstddef>
#include <vector>

#include "base/time.h"
#include "sys/loop.h"

namespace engine {

class Timers;

/// Something that happens when time has passed. Moving it to a later time costs one store: it stays
/// filed where it is, and is filed anew when that time comes.
class Deadline {
 public:
  explicit Deadline(Timers& timers) : timers_(timers) {}
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void set(base::Instant due);
  void clear() { due_ = base::Instant::max(); }
  [[nodiscard]] base::Instant now() const;

 protected:
  virtual ~Deadline();
  virtual void expired() noexcept = 0;  ///< Once for each set().

 private:
  friend Timers;
  static constexpr std::size_t not_filed = static_cast<std::size_t>(-1);

  Timers& timers_;
  base::Instant due_ = base::Instant::max();
  std::size_t slot_ = not_filed;
};

/// All deadlines of one loop behind one sleep. Late by at most `granularity`.
class Timers {
 public:
  static constexpr base::Duration granularity = std::chrono::milliseconds(20);

  explicit Timers(sys::Loop& loop);
  ~Timers();
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  [[nodiscard]] base::Instant now() const { return loop_.now(); }
  [[nodiscard]] sys::Loop& loop() const { return loop_; }

  /// Ends the pending sleep; after that nothing expires any more. The loop must run once more
  /// before the Timers are destroyed: until idle().
  void stop() noexcept;
  [[nodiscard]] bool idle() const { return !armed_; }

 private:
  friend Deadline;
  struct Filed {
    base::Instant at;
    Deadline* deadline;
  };
  struct Alarm final : sys::Completion<> {
    Timers* timers = nullptr;
  };

  void file(Deadline& deadline);
  void remove(Deadline& deadline);
  void sift_up(std::size_t slot);
  void sift_down(std::size_t slot);
  void place(std::size_t slot, Filed filed);
  void arm();
  void awake() noexcept;

  sys::Loop& loop_;
  std::vector<Filed> heap_;  ///< The earliest first.
  Alarm alarm_;
  bool armed_ = false;
  bool stopped_ = false;
  base::Instant armed_for_;
};

inline base::Instant Deadline::now() const { return timers_.now(); }

}  // namespace engine
