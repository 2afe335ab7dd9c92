#include "sys/linux/loop.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "sys/linux/runner.h"

namespace sys::real {
namespace {

using base::Group;
using base::Io;
using base::IoErrorCode;
using base::Task;
using std::chrono::milliseconds;

const Io<> cancelled = base::io_error(IoErrorCode::cancelled);

Task<> sleep_then_note(Loop& loop, base::Instant when, int number, std::vector<int>& notes) {
  if (co_await sleep_until(loop, when)) notes.push_back(number);
}

Task<> three_sleepers(Loop& loop, std::vector<int>& notes) {
  Group group;
  const base::Instant now = loop.now();
  group.spawn(sleep_then_note(loop, now + milliseconds(20), 3, notes));
  group.spawn(sleep_then_note(loop, now + milliseconds(10), 2, notes));
  group.spawn(sleep_then_note(loop, now + milliseconds(1), 1, notes));
  co_await group.join();
}

TEST(RealLoop, sleepers_wake_in_order_of_time) {
  Runner runner;
  std::vector<int> notes;
  runner.run(three_sleepers(runner.loop, notes));
  EXPECT_EQ(notes, (std::vector<int>{1, 2, 3}));
}

Task<> sleep_for_result(Loop& loop, base::Instant when, Io<>& result) {
  result = co_await sleep_until(loop, when);
}

Task<> cancel_a_sleeper(Loop& loop, Io<>& result) {
  Group group;
  group.spawn(sleep_for_result(loop, loop.now() + std::chrono::hours(1), result));
  group.cancel();
  EXPECT_EQ(group.size(), 1u) << "nothing ends inside cancel()";
  co_await group.join();
}

TEST(RealLoop, a_cancelled_sleep_ends_soon) {
  Runner runner;
  Io<> result;
  runner.run(cancel_a_sleeper(runner.loop, result));
  EXPECT_EQ(result, cancelled);
}

TEST(RealLoop, a_time_that_has_passed_is_no_sleep) {
  Runner runner;
  Io<> result = cancelled;
  Group group;
  group.spawn(sleep_for_result(runner.loop, runner.loop.now(), result));
  EXPECT_EQ(result, Io<>());
}

Task<> yield_and_note(Loop& loop, int times, std::vector<int>& notes) {
  for (int i = 0; i < times; ++i) {
    notes.push_back(i);
    co_await Yield(loop);
  }
}

Task<> two_that_yield(Loop& loop, std::vector<int>& notes) {
  Group group;
  group.spawn(yield_and_note(loop, 3, notes));
  group.spawn(yield_and_note(loop, 3, notes));
  co_await group.join();
}

TEST(RealLoop, those_who_yield_take_turns) {
  Runner runner;
  std::vector<int> notes;
  runner.run(two_that_yield(runner.loop, notes));
  EXPECT_EQ(notes, (std::vector<int>{0, 0, 1, 1, 2, 2}));
}

struct Numbered : base::Posted {
  int number = 0;
  std::vector<int>* seen = nullptr;
  RealLoop* stop_at_end = nullptr;
};

void note_number(base::Posted& posted) noexcept {
  auto& self = static_cast<Numbered&>(posted);
  self.seen->push_back(self.number);
  if (self.stop_at_end != nullptr) self.stop_at_end->stop();
}

TEST(RealLoop, runs_in_order_what_another_thread_posts) {
  constexpr int count = 100'000;
  constexpr int chain = 4;
  RealLoop loop;
  std::vector<int> seen;
  std::vector<Numbered> all(count);
  for (int i = 0; i < count; ++i) {
    all[i].run = &note_number;
    all[i].number = i;
    all[i].seen = &seen;
    if (i % chain != chain - 1) all[i].next = &all[i + 1];
  }
  all.back().stop_at_end = &loop;

  std::thread poster([&] {
    for (int i = 0; i < count; i += chain) loop.post(all[i], all[i + chain - 1]);
  });
  loop.run();
  poster.join();
  ASSERT_EQ(seen.size(), static_cast<std::size_t>(count));
  EXPECT_TRUE(std::ranges::is_sorted(seen));
}

TEST(RealLoop, many_threads_post_to_one_loop) {
  constexpr int count = 10'000;
  LoopThread home("home");
  std::vector<int> seen;
  seen.reserve(4 * count);
  std::atomic<int> arrived = 0;
  struct Counted : base::Posted {
    std::atomic<int>* arrived = nullptr;
  };
  std::array<std::vector<Counted>, 4> all;
  std::vector<std::thread> posters;
  for (auto& mine : all) {
    mine.resize(count);
    posters.emplace_back([&] {
      for (Counted& one : mine) {
        one.arrived = &arrived;
        one.run = [](base::Posted& posted) noexcept {
          std::atomic<int>& number = *static_cast<Counted&>(posted).arrived;
          number.fetch_add(1);
          number.notify_all();
        };
        home.loop().post(one, one);
      }
    });
  }
  for (std::thread& poster : posters) poster.join();
  for (int now = arrived; now != 4 * count; now = arrived) arrived.wait(now);
  EXPECT_EQ(arrived, 4 * count);
}

TEST(RealLoop, a_stop_before_run_ends_that_run_alone) {
  RealLoop loop;
  loop.stop();
  loop.run();
  std::vector<int> seen;
  Numbered one;
  one.run = &note_number;
  one.seen = &seen;
  one.stop_at_end = &loop;
  loop.post(one, one);
  loop.run();
  EXPECT_EQ(seen.size(), 1u);
}

Task<> take_signals(Signals& signals, std::vector<int>& got) {
  for (int i = 0; i < 2; ++i) {
    const Io<int> signal = co_await wait(signals);
    got.push_back(signal ? *signal : -1);
  }
}

TEST(Signals, keeps_what_came_while_nobody_waited) {
  Runner runner;
  Signals signals(runner.loop, {SIGUSR1, SIGUSR2});
  ::raise(SIGUSR1);
  std::vector<int> got;
  Group group;
  group.spawn(take_signals(signals, got));
  ::raise(SIGUSR2);
  Io<> slept;
  runner.run(sleep_for_result(runner.loop, runner.loop.now() + milliseconds(20), slept));
  EXPECT_EQ(got, (std::vector<int>{SIGUSR1, SIGUSR2}));
}

Task<> cancel_the_wait(Signals& signals, Io<int>& result) { result = co_await wait(signals); }

Task<> wait_and_cancel(Signals& signals, Io<int>& result) {
  Group group;
  group.spawn(cancel_the_wait(signals, result));
  group.cancel();
  co_await group.join();
}

TEST(Signals, a_wait_can_be_cancelled) {
  Runner runner;
  Signals signals(runner.loop, {SIGUSR1});
  Io<int> result = 0;
  runner.run(wait_and_cancel(signals, result));
  EXPECT_EQ(result, Io<int>(base::io_error(IoErrorCode::cancelled)));
}

}  // namespace
}  // namespace sys::real
