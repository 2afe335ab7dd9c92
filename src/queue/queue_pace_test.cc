#include <gtest/gtest.h>

#include "queue/queue.h"

// How much a next hop is asked to do: its rate, its answers, and what waits to be released.
namespace queue {
namespace {

using namespace std::chrono_literals;
using base::Instant;
using Ids = std::vector<std::uint64_t>;

constexpr Instant start{1'000s};

class QueuePaceTest : public testing::Test {
 protected:
  bool add(std::uint64_t id, Instant due = start, const HopLimits& limits = {.limited = true}) {
    auto entry = std::make_unique<Entry>();
    entry->id = {id};
    entry->due = due;
    entry->expires = start + 10h;
    entry->recipients = {0};
    return queue.add(std::move(entry), queue.hop("mx:a.test", limits), start);
  }
  void add_all(std::uint64_t count, const HopLimits& limits = {.limited = true}) {
    for (std::uint64_t id = 1; id <= count; ++id) add(id, start, limits);
  }
  /// The workers that start at `time`; they keep running.
  std::size_t begin(Instant time) {
    std::size_t out = 0;
    while (auto work = queue.next_worker(time)) {
      running.push_back(std::move(*work));
      ++out;
    }
    return out;
  }
  NextHop& hop() { return *queue.find_hop("mx:a.test"); }

  Queue queue{{.retry = {1min}, .expire = 10h, .connections = 20}};
  std::vector<Work> running;
};

TEST_F(QueuePaceTest, connections_begin_small_and_grow_with_answers) {
  add_all(100);
  EXPECT_EQ(begin(start), Concurrency::first);
  for (std::size_t more = 1; more <= 15; ++more) {
    queue.answered(hop(), Queue::Answer::good, start);
    EXPECT_EQ(begin(start), 1u) << more;
  }
  queue.answered(hop(), Queue::Answer::good, start);
  EXPECT_EQ(begin(start), 0u) << "no more than connections_per_host";
}

TEST_F(QueuePaceTest, a_worker_ends_when_there_are_too_many) {
  add_all(100);
  begin(start);
  EXPECT_FALSE(queue.is_crowded(hop(), start));
  for (int i = 0; i < 5; ++i) queue.answered(hop(), Queue::Answer::refused, start);
  EXPECT_TRUE(queue.is_crowded(hop(), start));
  EXPECT_EQ(queue.take(hop(), start), nullptr);
  for (int i = 0; i < 3; ++i) queue.worker_ended(hop(), start);
  EXPECT_FALSE(queue.is_crowded(hop(), start));
  EXPECT_NE(queue.take(hop(), start), nullptr);
}

TEST_F(QueuePaceTest, a_host_without_room_for_more_is_not_dead) {
  add_all(100);
  begin(start);
  queue.worker_connected(hop(), true);
  queue.worker_connected(hop(), true);
  for (int refused = 0; refused < 3; ++refused) {
    queue.full(hop(), start);
    queue.worker_ended(hop(), start);
  }
  EXPECT_EQ(begin(start), 0u) << "two are open, and no more are taken";
  EXPECT_FALSE(hop().backing_off());
  queue.worker_connected(hop(), false);
  queue.worker_ended(hop(), start);
  EXPECT_EQ(begin(start), 1u) << "another one in the place of one that has ended";
  queue.worker_ended(hop(), start);
  EXPECT_EQ(begin(start + Concurrency::ceiling_for), 4u) << "tried again later";
}

TEST_F(QueuePaceTest, nothing_is_begun_in_a_pause) {
  add_all(100);
  begin(start);
  queue.answered(hop(), Queue::Answer::closing, start);
  queue.worker_ended(hop(), start);
  EXPECT_EQ(queue.take(hop(), start), nullptr);
  EXPECT_EQ(begin(start), 0u);
  EXPECT_EQ(queue.next_due(), start + Concurrency::pause_min);
  EXPECT_EQ(begin(start + Concurrency::pause_min), 1u);
}

TEST_F(QueuePaceTest, other_kinds_of_next_hops_have_their_workers_from_the_start) {
  add_all(100, {.workers = 16});
  EXPECT_EQ(begin(start), 16u);
}

class QueueRateTest : public QueuePaceTest {
 protected:
  QueueRateTest() {
    Options options = queue.options();
    options.messages = {.count = 2, .per = 60s};
    queue.set_options(std::move(options), start);
  }
};

TEST_F(QueueRateTest, so_many_at_once_and_then_one_in_each_interval) {
  add_all(5);
  EXPECT_EQ(begin(start), 2u);
  EXPECT_EQ(queue.take(hop(), start), nullptr);
  EXPECT_EQ(queue.next_due(), start + 30s);
  EXPECT_EQ(queue.rate_allows(hop(), start), start + 30s);
  EXPECT_EQ(begin(start + 30s - 1ns), 0u);
  EXPECT_EQ(begin(start + 30s), 1u);
  EXPECT_NE(queue.take(hop(), start + 60s), nullptr) << "an open connection takes the next one";
  EXPECT_EQ(queue.take(hop(), start + 60s), nullptr);
}

TEST_F(QueueRateTest, what_went_counts_when_the_hop_was_forgotten_meanwhile) {
  add_all(2);
  ASSERT_EQ(begin(start), 2u);
  for (Work& work : running) {
    NextHop& of = *work.hop;
    queue.finished(std::move(work.entry), start);
    queue.worker_ended(of, start);
  }
  running.clear();
  ASSERT_EQ(queue.find_hop("mx:a.test"), nullptr);
  add(3);
  EXPECT_EQ(begin(start), 0u);
  EXPECT_EQ(queue.next_due(), start + 30s);
}

TEST_F(QueueRateTest, what_is_delivered_here_has_no_rate) {
  add_all(5, {});
  EXPECT_EQ(begin(start), 5u);
}

TEST_F(QueueRateTest, a_new_rate_is_in_force_at_once) {
  add_all(5);
  EXPECT_EQ(begin(start), 2u);
  Options options = queue.options();
  options.messages = {};
  queue.set_options(std::move(options), start);
  EXPECT_EQ(begin(start), 3u);
}

TEST_F(QueuePaceTest, what_is_parked_is_not_due_whatever_the_time) {
  EXPECT_FALSE(add(1, Entry::parked));
  add(2, Entry::parked);
  EXPECT_EQ(queue.next_due(), Instant::max());
  EXPECT_EQ(begin(start + 100h), 0u);
  add(3);
  EXPECT_EQ(begin(start), 1u) << "others go";
  EXPECT_EQ(running.front().entry->id.value, 3u);
  EXPECT_EQ(queue.take(hop(), start + 100h), nullptr);
  EXPECT_EQ(queue.parked(), (std::vector<base::MessageId>{{1}, {2}}));
}

TEST_F(QueuePaceTest, what_is_parked_expires) {
  add(1, Entry::parked);
  EXPECT_EQ(queue.next_deadline(), start + 10h);
  EXPECT_EQ(queue.next_overdue(start + 10h - 1ns), nullptr);
  auto entry = queue.next_overdue(start + 10h);
  ASSERT_NE(entry, nullptr);
  EXPECT_TRUE(entry->is_parked());
  queue.finished(std::move(entry), start + 10h);
  EXPECT_TRUE(queue.parked().empty());
}

TEST_F(QueuePaceTest, what_is_parked_makes_no_probes) {
  add(1);
  begin(start);
  queue.failed(hop(), {{}, "refused"}, start, 512);
  auto entry = std::move(running.front().entry);
  entry->due = Entry::parked;
  NextHop& of = hop();
  queue.add(std::move(entry), of, start);
  queue.worker_ended(of, start);
  EXPECT_EQ(begin(start + 9h), 0u);
  EXPECT_EQ(queue.next_due(), Instant::max());
}

}  // namespace
}  // namespace queue
