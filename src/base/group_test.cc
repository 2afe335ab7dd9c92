#include "base/group.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

namespace base {
namespace {

using Result = Io<int>;

/// Operations that a test completes by hand.
struct Manual {
  std::optional<Result> start(Completion<Result>& completion) {
    if (next_result) return std::exchange(next_result, std::nullopt);
    completion.set_cancel(this, [](void* self, Operation& operation) noexcept {
      static_cast<Manual*>(self)->cancelled.push_back(static_cast<Completion<Result>*>(&operation));
    });
    pending.push_back(&completion);
    return std::nullopt;
  }
  void finish(Result result) {
    Completion<Result>* first = pending.front();
    pending.pop_front();
    first->complete(result);
  }

  std::optional<Result> next_result;
  std::deque<Completion<Result>*> pending;
  std::vector<Completion<Result>*> cancelled;
};

Task<Result> wait_for(Manual& manual) {
  co_return co_await operation<Result>([&](auto& completion) { return manual.start(completion); });
}

Task<> add_two(Manual& manual, std::vector<Result>& out) {
  out.push_back(co_await wait_for(manual));
  out.push_back(co_await wait_for(manual));
}

Task<> throws(Manual& manual) {
  (void)co_await wait_for(manual);
  throw std::bad_alloc();
}

Task<> join_then(Group& inner, bool& done) {
  co_await inner.join();
  done = true;
}

TEST(Task, goes_on_at_once_when_the_result_is_there) {
  Manual manual;
  manual.next_result = 1;
  std::vector<Result> out;
  Group group;
  group.spawn(add_two(manual, out));
  EXPECT_EQ(out, std::vector<Result>{1});
  manual.finish(2);
  EXPECT_EQ(out, (std::vector<Result>{1, 2}));
  EXPECT_EQ(group.size(), 0u);
}

TEST(Group, a_cancelled_task_finishes_with_cancelled_from_then_on) {
  Manual manual;
  std::vector<Result> out;
  Group group;
  group.spawn(add_two(manual, out));
  group.cancel();
  group.cancel();
  ASSERT_EQ(manual.cancelled.size(), 1u) << "cancelling twice asks once";
  EXPECT_EQ(group.size(), 1u) << "nothing ends inside cancel()";
  manual.finish(io_error(IoErrorCode::cancelled));
  const Result cancelled = io_error(IoErrorCode::cancelled);
  EXPECT_EQ(out, (std::vector<Result>{cancelled, cancelled}));
  EXPECT_EQ(group.size(), 0u);
}

TEST(Group, cancelling_after_the_completion_was_queued_does_nothing) {
  Manual manual;
  std::vector<Result> out;
  Group group;
  group.spawn(add_two(manual, out));
  Completion<Result>* queued = manual.pending.front();
  manual.pending.pop_front();
  queued->queue_result(7);
  group.cancel();
  EXPECT_TRUE(manual.cancelled.empty());
  queued->run(*queued);
  EXPECT_EQ(out.front(), Result(7));
  EXPECT_EQ(group.size(), 0u) << "the second wait ended at once";
}

TEST(Group, join_waits_for_all) {
  Manual manual;
  std::vector<Result> out;
  bool done = false;
  Group inner;
  Group outer;
  inner.spawn(add_two(manual, out));
  inner.spawn(add_two(manual, out));
  outer.spawn(join_then(inner, done));
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(done);
    manual.finish(i);
  }
  EXPECT_TRUE(done);
  EXPECT_EQ(outer.size(), 0u);
}

TEST(Group, a_cancelled_join_cancels_the_group_and_goes_on_waiting) {
  Manual manual;
  std::vector<Result> out;
  bool done = false;
  Group inner;
  Group outer;
  inner.spawn(add_two(manual, out));
  outer.spawn(join_then(inner, done));
  outer.cancel();
  EXPECT_FALSE(done);
  ASSERT_EQ(manual.cancelled.size(), 1u);
  manual.finish(io_error(IoErrorCode::cancelled));
  EXPECT_TRUE(done);
  EXPECT_EQ(inner.size() + outer.size(), 0u);
}

TEST(Group, a_task_without_memory_ends_alone) {
  Manual manual;
  std::vector<Result> out;
  Group group;
  group.spawn(throws(manual));
  group.spawn(add_two(manual, out));
  manual.finish(1);
  EXPECT_EQ(group.size(), 1u);
  manual.finish(2);
  manual.finish(3);
  EXPECT_EQ(group.size(), 0u);
}

}  // namespace
}  // namespace base
