#include "engine/timers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace engine {
namespace {

using base::Instant;
using std::chrono::milliseconds;

/// A loop whose time a test moves by hand.
class HandLoop final : public sys::Loop {
 public:
  void post(base::Posted& first, base::Posted& last) noexcept override {
    last.next = nullptr;
    for (base::Posted* p = &first; p != nullptr; p = p->next) posted_.push_back(p);
  }
  sys::Now<> sleep_until(Instant when, sys::Completion<>& done) override {
    EXPECT_EQ(sleeper_, nullptr) << "one sleep for all";
    sleeper_ = &done;
    wake_ = when;
    done.set_cancel(this, [](void* self, base::Operation&) noexcept {
      auto& loop = *static_cast<HandLoop*>(self);
      loop.finish(base::io_error(base::IoErrorCode::cancelled));
    });
    return std::nullopt;
  }
  [[nodiscard]] Instant now() const override { return now_; }

  void advance_to(milliseconds time) {
    now_ = Instant(time);
    if (sleeper_ != nullptr && wake_ <= now_) finish({});
    turn();
  }
  void turn() {
    while (!posted_.empty()) {
      base::Posted* next = posted_.front();
      posted_.erase(posted_.begin());
      next->run(*next);
      if (sleeper_ != nullptr && wake_ <= now_) finish({});
    }
  }

 private:
  void finish(base::Io<> result) {
    sys::Completion<>* done = std::exchange(sleeper_, nullptr);
    done->queue_result(result);
    post(*done, *done);
  }

  Instant now_{};
  Instant wake_{};
  sys::Completion<>* sleeper_ = nullptr;
  std::vector<base::Posted*> posted_;
};

class Recorded final : public Deadline {
 public:
  Recorded(Timers& timers, std::vector<int>& out, int name)
      : Deadline(timers), out_(out), name_(name) {}

 private:
  void expired() noexcept override { out_.push_back(name_); }
  std::vector<int>& out_;
  int name_;
};

class TimersTest : public testing::Test {
 protected:
  ~TimersTest() override {
    timers.stop();
    loop.turn();
  }
  HandLoop loop;
  Timers timers{loop};
  std::vector<int> out;
};

TEST_F(TimersTest, deadlines_expire_in_order) {
  Recorded late(timers, out, 3), early(timers, out, 1), middle(timers, out, 2);
  late.set(Instant(milliseconds(3'000)));
  early.set(Instant(milliseconds(1'000)));
  middle.set(Instant(milliseconds(2'000)));
  loop.advance_to(milliseconds(999));
  EXPECT_TRUE(out.empty());
  for (int second = 1; second <= 4; ++second) loop.advance_to(milliseconds(second * 1'000 + 50));
  EXPECT_EQ(out, (std::vector<int>{1, 2, 3}));
}

TEST_F(TimersTest, an_earlier_time_than_the_one_slept_for_is_not_late) {
  Recorded first(timers, out, 1), second(timers, out, 2);
  first.set(Instant(milliseconds(60'000)));
  loop.turn();
  second.set(Instant(milliseconds(100)));
  loop.turn();
  loop.advance_to(milliseconds(150));
  EXPECT_EQ(out, std::vector<int>{2});
}

TEST_F(TimersTest, moving_a_deadline_to_an_earlier_and_a_later_time) {
  Recorded moved(timers, out, 1);
  moved.set(Instant(milliseconds(1'000)));
  moved.set(Instant(milliseconds(5'000)));
  loop.advance_to(milliseconds(1'100));
  EXPECT_TRUE(out.empty());
  moved.set(Instant(milliseconds(2'000)));
  loop.turn();
  loop.advance_to(milliseconds(2'100));
  EXPECT_EQ(out, std::vector<int>{1});
  loop.advance_to(milliseconds(9'000));
  EXPECT_EQ(out, std::vector<int>{1}) << "once for each set()";
}

TEST_F(TimersTest, cleared_and_destroyed_deadlines_do_not_expire) {
  Recorded cleared(timers, out, 1);
  auto destroyed = std::make_unique<Recorded>(timers, out, 2);
  cleared.set(Instant(milliseconds(100)));
  destroyed->set(Instant(milliseconds(100)));
  cleared.clear();
  destroyed.reset();
  loop.advance_to(milliseconds(500));
  EXPECT_TRUE(out.empty());
}

TEST_F(TimersTest, many_deadlines) {
  std::vector<std::unique_ptr<Recorded>> all;
  for (int i = 0; i < 1'000; ++i) {
    all.push_back(std::make_unique<Recorded>(timers, out, (i * 7'919) % 1'000));
    all.back()->set(Instant(milliseconds(100 * ((i * 7'919) % 1'000) + 100)));
  }
  for (int i = 0; i < 1'000; i += 3) all[static_cast<std::size_t>(i)].reset();
  for (int t = 0; t <= 101'000; t += 50) loop.advance_to(milliseconds(t));
  EXPECT_EQ(out.size(), 666u);
  EXPECT_TRUE(std::ranges::is_sorted(out));
}

}  // namespace
}  // namespace engine
