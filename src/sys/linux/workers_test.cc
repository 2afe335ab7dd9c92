#include "sys/linux/workers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <semaphore>

#include "sys/linux/clock.h"
#include "sys/linux/runner.h"

namespace sys::real {
namespace {

using base::Io;
using base::IoErrorCode;
using base::Task;

struct Square final : Job {
  void work() noexcept override {
    result = number * number;
    thread = std::this_thread::get_id();
  }
  int number = 0;
  int result = 0;
  std::thread::id thread;
};

struct Blocked final : Job {
  explicit Blocked(std::binary_semaphore& at) : gate(at) {}
  void work() noexcept override { gate.acquire(); }
  std::binary_semaphore& gate;
};

auto run(Workers& workers, Job& job, Loop& home) {
  return base::operation<Io<>>([&](auto& done) { return workers.run(job, home, done); });
}

Task<> square_all(Workers& workers, Loop& home, int count, int& sum) {
  for (int i = 0; i < count; ++i) {
    Square job;
    job.number = i;
    EXPECT_TRUE(co_await run(workers, job, home));
    EXPECT_NE(job.thread, std::this_thread::get_id());
    sum += job.result;
  }
}

TEST(RealWorkers, completes_on_the_home_loop) {
  Runner runner;
  const auto workers = make_workers({.threads = 2});
  int sum = 0;
  runner.run(square_all(*workers, runner.loop, 100, sum));
  EXPECT_EQ(sum, 328'350);
}

Task<> run_blocked(Workers& workers, Loop& home, std::binary_semaphore& gate, Io<>& result) {
  Blocked job(gate);
  result = co_await run(workers, job, home);
}

Task<> fill_the_line(Workers& workers, Loop& home, std::vector<Io<>>& results) {
  std::binary_semaphore gate(0);
  std::binary_semaphore open(1);
  base::Group group;
  group.spawn(run_blocked(workers, home, gate, results[0]));
  group.spawn(run_blocked(workers, home, open, results[1]));
  group.spawn(run_blocked(workers, home, open, results[2]));
  EXPECT_EQ(results[2], Io<>(base::io_error(IoErrorCode::busy))) << "at once";
  gate.release();
  co_await group.join();
  group.spawn(run_blocked(workers, home, gate, results[2]));
  gate.release();
  co_await group.join();
}

TEST(RealWorkers, one_past_the_line_is_busy) {
  Runner runner;
  const auto workers = make_workers({.threads = 1, .line = 1});
  std::vector<Io<>> results(3, base::io_error(IoErrorCode::failed));
  runner.run(fill_the_line(*workers, runner.loop, results));
  for (const Io<>& result : results) EXPECT_TRUE(result);
}

TEST(RealClock, is_near_the_clock_of_the_system) {
  const auto before =
      std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const base::WallTime wall = make_clock()->wall();
  EXPECT_GE(wall, before);
  EXPECT_LE(wall, before + std::chrono::minutes(1));
}

TEST(RealRandom, numbers_differ_beyond_one_reading) {
  const auto random = make_random();
  std::vector<std::uint64_t> numbers(1'000);
  for (std::uint64_t& number : numbers) number = random->next();
  std::ranges::sort(numbers);
  EXPECT_EQ(std::ranges::adjacent_find(numbers), numbers.end());
}

}  // namespace
}  // namespace sys::real
