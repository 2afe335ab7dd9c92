#pragma once

#include <compare>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/rng.h"
#include "sys/loop.h"

namespace sim {

class Scheduler;

/// Something that will happen: when, and which of several at one time.
struct EventId {
  base::Instant when;
  std::uint64_t number = 0;
  friend auto operator<=>(const EventId&, const EventId&) = default;
};

/// One event loop of a simulated machine. Runs what is posted in order, one at a time; between two
/// of them other loops may run. Virtual time passes a little with each.
class SimLoop final : public sys::Loop {
 public:
  SimLoop(Scheduler& scheduler, std::string name);
  SimLoop(const SimLoop&) = delete;
  SimLoop& operator=(const SimLoop&) = delete;
  ~SimLoop() override;

  void post(base::Posted& first, base::Posted& last) noexcept override;
  [[nodiscard]] sys::Now<> sleep_until(base::Instant when, sys::Completion<>& done) override;
  [[nodiscard]] base::Instant now() const override;

  /// Runs `act` now, as if this loop ran it: how a test starts tasks (`group.spawn(…)`), cancels
  /// them, and calls operations. Not from within a step.
  void enter(const std::function<void()>& act);
  /// Runs `act` on this loop, after what is posted already.
  void run_soon(std::function<void()> act);

  /// Keeps octets that a read has given, until this loop's step ends; then they are overwritten, so
  /// that whoever still refers to them is found out.
  [[nodiscard]] std::string_view lend(std::string octets);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Scheduler& scheduler() const { return scheduler_; }

 private:
  friend Scheduler;
  struct Soon;

  [[nodiscard]] bool is_ready() const { return first_ != nullptr; }
  void run_one();
  void wake_cancelled(sys::Completion<>& done);
  void take_back_lent();

  Scheduler& scheduler_;
  std::string name_;
  base::Posted* first_ = nullptr;
  base::Posted* last_ = nullptr;
  std::vector<std::unique_ptr<std::string>> lent_;
  /// Only looked up, never walked through: the order of pointers decides nothing.
  std::map<const sys::Completion<>*, EventId> sleeps_;
};

/// How running the world ended.
enum class Ran : std::uint8_t {
  done,       ///< What was asked for has come.
  idle,       ///< Nothing is left that could happen.
  timed_out,  ///< It has not come within the time allowed.
  stuck,      ///< More steps than steps_max: something runs in circles.
};

/// Virtual time, what happens when, and which loop runs next. One seed, one order.
class Scheduler {
 public:
  explicit Scheduler(std::uint64_t seed);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  virtual ~Scheduler();

  [[nodiscard]] Rng& rng() { return rng_; }
  [[nodiscard]] base::Instant now() const { return now_; }
  /// True time, without any machine's error; the world begins at 2030-01-01T00:00:00Z.
  [[nodiscard]] base::WallTime wall() const;

  /// The loop whose step this is; nullptr outside (events of the world, the test itself).
  [[nodiscard]] SimLoop* current() const { return current_; }

  /// Runs `act` outside of all loops, at `when` or as soon as may be.
  EventId at(base::Instant when, std::function<void()> act);
  EventId after(base::Duration delay, std::function<void()> act);
  void forget(const EventId& event) { events_.erase(event); }
  /// Runs `act` outside of all loops when the current step has ended, before anything else.
  void after_step(std::function<void()> act) { after_step_.push_back(std::move(act)); }

  /// Not from within a step. `limit` is virtual time.
  [[nodiscard]] Ran run_until(base::Instant when);
  [[nodiscard]] Ran run_for(base::Duration duration) { return run_until(now_ + duration); }
  [[nodiscard]] Ran run_until_idle(base::Duration limit = std::chrono::hours(24 * 30));
  /// Until `condition` is false.
  [[nodiscard]] Ran run_while(const std::function<bool()>& condition,
                              base::Duration limit = std::chrono::hours(24 * 30));
  void set_steps_max(std::uint64_t steps) { steps_max_ = steps; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  /// A sum over all that has happened, and when: equal for equal runs.
  [[nodiscard]] std::uint64_t fingerprint() const { return fingerprint_; }

 protected:
  /// What would have happened will not.
  void forget_all();

 private:
  friend SimLoop;

  /// False: nothing is left to do before `limit`.
  bool step(base::Instant limit);
  void run_event();
  void run_after_step();
  void add_to_fingerprint(std::uint64_t what);

  Rng rng_;
  base::Instant now_{};
  std::map<EventId, std::function<void()>> events_;
  std::uint64_t next_event_ = 0;
  std::vector<SimLoop*> ready_;  ///< Loops with something posted, in the order of becoming so.
  std::vector<std::function<void()>> after_step_;
  SimLoop* current_ = nullptr;
  std::uint64_t steps_ = 0;
  std::uint64_t fingerprint_ = 0;
  std::uint64_t steps_max_ = 20'000'000;
};

}  // namespace sim
