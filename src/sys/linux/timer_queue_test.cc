#include "sys/linux/timer_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace sys::real {
namespace {

using std::chrono::seconds;

/// Notes what is posted to it.
class NotingLoop final : public Loop {
 public:
  void post(base::Posted& first, base::Posted& /*last*/) noexcept override { posted = &first; }
  [[nodiscard]] Now<> sleep_until(base::Instant, Completion<>&) override { return std::nullopt; }
  [[nodiscard]] base::Instant now() const override { return {}; }

  base::Posted* posted = nullptr;
};

base::Instant at(int second) { return base::Instant(seconds(second)); }

TEST(TimerQueue, equal_times_come_in_order_of_arrival) {
  TimerQueue queue;
  NotingLoop loop;
  Completion<> first, second, third;
  queue.add(at(2), first, loop);
  queue.add(at(2), second, loop);
  queue.add(at(1), third, loop);
  EXPECT_EQ(queue.first_due(), at(1));
  EXPECT_EQ(queue.take_due(at(0)), nullptr);
  EXPECT_EQ(queue.take_due(at(2)), &third);
  EXPECT_EQ(queue.take_due(at(2)), &first);
  EXPECT_EQ(queue.take_due(at(2)), &second);
  EXPECT_EQ(queue.take_due(at(2)), nullptr);
  EXPECT_EQ(queue.first_due(), std::nullopt);
}

TEST(TimerQueue, a_cancelled_sleeper_is_posted_once) {
  TimerQueue queue;
  NotingLoop loop;
  Completion<> one;
  queue.add(at(1), one, loop);
  one.cancel();
  EXPECT_EQ(loop.posted, &one);
  EXPECT_EQ(queue.size(), 0u);
  loop.posted = nullptr;
  one.cancel();
  EXPECT_EQ(loop.posted, nullptr);
}

TEST(TimerQueue, cancelling_one_that_was_taken_does_nothing) {
  TimerQueue queue;
  NotingLoop loop;
  Completion<> one;
  queue.add(at(1), one, loop);
  EXPECT_EQ(queue.take_due(at(1)), &one);
  one.cancel();
  EXPECT_EQ(loop.posted, nullptr);
}

TEST(TimerQueue, agrees_with_a_sorted_map_under_random_use) {
  std::mt19937 random(1);
  TimerQueue queue;
  NotingLoop loop;
  std::multimap<int, Completion<>*> model;
  std::vector<std::unique_ptr<Completion<>>> all;
  for (int step = 0; step < 20'000; ++step) {
    const int dice = static_cast<int>(random() % 4);
    if (dice < 2) {
      all.push_back(std::make_unique<Completion<>>());
      const int when = static_cast<int>(random() % 100);
      queue.add(at(when), *all.back(), loop);
      model.emplace(when, all.back().get());
    } else if (dice == 2 && !model.empty()) {
      const auto victim = std::next(
          model.begin(), static_cast<long>(random() % std::min<std::size_t>(model.size(), 50)));
      victim->second->cancel();
      model.erase(victim);
    } else if (!model.empty()) {
      ASSERT_EQ(queue.take_due(at(100)), model.begin()->second);
      model.erase(model.begin());
    }
    ASSERT_EQ(queue.size(), model.size());
    if (!model.empty()) {
      ASSERT_EQ(queue.first_due(), at(model.begin()->first));
    }
  }
}

}  // namespace
}  // namespace sys::real
