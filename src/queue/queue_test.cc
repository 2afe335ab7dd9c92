#include "queue/queue.h"

#include <gtest/gtest.h>

namespace queue {
namespace {

using base::Instant;
using std::chrono::minutes;
using std::chrono::seconds;

Instant at(seconds time) { return Instant(time); }

class QueueTest : public testing::Test {
 protected:
  bool add(std::uint64_t id, std::string_view hop, seconds due = seconds(0),
           seconds expires = seconds(1'000'000)) {
    auto entry = std::make_unique<Entry>();
    entry->id = {id};
    entry->due = at(due);
    entry->expires = at(expires);
    entry->recipients = {0};
    return queue.add(std::move(entry), queue.hop(hop), at(due < now ? due : now));
  }
  /// The ids of the workers that start at `time`; they keep running.
  std::vector<std::uint64_t> start(seconds time) {
    std::vector<std::uint64_t> out;
    while (auto work = queue.next_worker(at(time))) {
      out.push_back(work->entry->id.value);
      running.push_back(std::move(*work));
    }
    return out;
  }

  Queue queue{{{minutes(1), minutes(5), minutes(15)}, seconds(1'000), 2}};
  seconds now{0};
  std::vector<Work> running;
};

using Ids = std::vector<std::uint64_t>;

TEST_F(QueueTest, workers_start_up_to_the_limit_of_each_next_hop) {
  for (std::uint64_t id = 1; id <= 5; ++id) add(id, "mx:a.test");
  add(9, "mx:b.test");
  EXPECT_EQ(start(seconds(0)), (Ids{1, 2, 9})) << "two to a.test, and b.test does not wait for it";
  NextHop& hop = *running[0].hop;
  EXPECT_EQ(queue.take(hop, at(seconds(0)))->id.value, 3u) << "a worker goes on with what is next";
}

TEST_F(QueueTest, an_idle_worker_takes_what_comes_before_another_is_started) {
  add(1, "mx:a.test");
  ASSERT_EQ(start(seconds(0)), Ids{1});
  NextHop& hop = *running[0].hop;
  queue.finished(std::move(running[0].entry), at(seconds(0)));
  queue.worker_idle(hop, true);
  EXPECT_TRUE(add(2, "mx:a.test")) << "wake the idle one";
  EXPECT_EQ(start(seconds(0)), Ids{});
  queue.worker_idle(hop, false);
  EXPECT_EQ(queue.take(hop, at(seconds(0)))->id.value, 2u);
  EXPECT_EQ(queue.take(hop, at(seconds(0))), nullptr);
  queue.worker_ended(hop, at(seconds(0)));
}

TEST_F(QueueTest, an_idle_worker_that_leaves_does_not_strand_an_entry) {
  add(1, "mx:a.test");
  start(seconds(0));
  NextHop& hop = *running[0].hop;
  queue.finished(std::move(running[0].entry), at(seconds(0)));
  queue.worker_idle(hop, true);
  add(2, "mx:a.test");
  queue.worker_idle(hop, false);
  queue.worker_ended(hop, at(seconds(0)));
  EXPECT_EQ(start(seconds(0)), Ids{2});
}

TEST_F(QueueTest, a_dead_next_hop_is_probed_by_one_worker_whatever_waits) {
  for (std::uint64_t id = 1; id <= 100; ++id) add(id, "mx:dead.test");
  ASSERT_EQ(start(seconds(0)), (Ids{1, 2}));
  NextHop& hop = *running[0].hop;
  queue.failed(hop, {{}, "refused"}, at(seconds(1)), 512);
  queue.failed(hop, {{}, "refused"}, at(seconds(1)), 512);
  EXPECT_EQ(hop.failures().size(), 1u) << "the second worker failed for the same reason";
  for (Work& work : running) {
    Entry& entry = *work.entry;
    (void)entry;
    queue.add(std::move(work.entry), hop, at(seconds(1)));
    queue.worker_ended(hop, at(seconds(1)));
  }
  EXPECT_EQ(start(seconds(60)), Ids{});
  EXPECT_EQ(queue.next_due(), hop.next_probe());
  EXPECT_EQ(start(seconds(61)), Ids{1}) << "one minute, and the oldest first";
  queue.failed(hop, {{}, "refused"}, at(seconds(61)), 512);
  EXPECT_EQ(hop.next_probe() - at(seconds(61)), minutes(5));
  queue.reached(hop, at(seconds(70)));
  EXPECT_EQ(start(seconds(70)), Ids{}) << "it has not taken anything yet";
  queue.answered(hop, Queue::Answer::good, at(seconds(71)));
  EXPECT_EQ(start(seconds(71)), Ids{2}) << "more and more may go again, up to the limit";
}

TEST_F(QueueTest, entries_expire_while_their_next_hop_backs_off) {
  add(1, "mx:dead.test", seconds(0), seconds(30));
  add(2, "mx:dead.test", seconds(0), seconds(40));
  start(seconds(0));
  NextHop& hop = *running[0].hop;
  queue.failed(hop, {}, at(seconds(0)), 512);
  for (Work& work : running) {
    queue.add(std::move(work.entry), hop, at(seconds(0)));
    queue.worker_ended(hop, at(seconds(0)));
  }
  EXPECT_EQ(queue.next_deadline(), at(seconds(30)));
  EXPECT_EQ(queue.next_overdue(at(seconds(29))), nullptr);
  auto first = queue.next_overdue(at(seconds(35)));
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->id.value, 1u);
  EXPECT_EQ(queue.next_overdue(at(seconds(35))), nullptr);
  queue.finished(std::move(first), at(seconds(35)));
  EXPECT_EQ(queue.next_deadline(), at(seconds(40)));
}

TEST_F(QueueTest, a_delay_is_told_in_time_while_the_next_hop_backs_off) {
  add(1, "mx:dead.test");
  start(seconds(0));
  NextHop& hop = *running[0].hop;
  queue.failed(hop, {}, at(seconds(0)), 512);
  running[0].entry->warn = at(seconds(20));
  queue.add(std::move(running[0].entry), hop, at(seconds(0)));
  queue.worker_ended(hop, at(seconds(0)));
  EXPECT_EQ(queue.next_deadline(), at(seconds(20)));
  EXPECT_EQ(queue.next_overdue(at(seconds(19))), nullptr);
  auto entry = queue.next_overdue(at(seconds(20)));
  ASSERT_NE(entry, nullptr);
  entry->warn = Instant::max();
  queue.add(std::move(entry), hop, at(seconds(20)));
  EXPECT_EQ(queue.next_overdue(at(seconds(21))), nullptr) << "once";
  EXPECT_EQ(start(seconds(60)), Ids{1}) << "and it is tried when its next hop is";
}

TEST_F(QueueTest, a_deferred_entry_waits_for_its_own_time) {
  add(1, "mx:a.test", seconds(100));
  add(2, "mx:a.test");
  EXPECT_EQ(start(seconds(0)), Ids{2});
  EXPECT_EQ(queue.next_due(), at(seconds(100)));
  EXPECT_EQ(start(seconds(100)), Ids{1});
}

TEST_F(QueueTest, what_is_taken_out_is_the_callers) {
  add(1, "mx:a.test", seconds(500));
  add(2, "mx:b.test", seconds(500));
  const auto first = [](const Entry& entry) {
    return entry.id.value == 1 ? entry.recipients : Queue::Chosen();
  };
  auto taken = queue.extract(first, at(seconds(10)));
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0]->id.value, 1u);
  EXPECT_EQ(queue.entries(), 2u);
  EXPECT_EQ(queue.next_due(), at(seconds(500))) << "of the other one";
  taken[0]->due = at(seconds(10));
  queue.add(std::move(taken[0]), queue.hop("mx:a.test"), at(seconds(10)));
  EXPECT_EQ(start(seconds(10)), Ids{1});
}

TEST_F(QueueTest, taking_some_recipients_leaves_the_others_where_they_are) {
  auto entry = std::make_unique<Entry>();
  entry->id = {1};
  entry->due = at(seconds(500));
  entry->expires = at(seconds(1'000));
  entry->recipients = {0, 1, 2};
  queue.add(std::move(entry), queue.hop("mx:a.test"), at(seconds(0)));
  auto taken = queue.extract([](const Entry&) { return Queue::Chosen{1}; }, at(seconds(10)));
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0]->recipients, std::vector<std::uint32_t>{1});
  EXPECT_EQ(queue.entries(), 2u);
  queue.finished(std::move(taken[0]), at(seconds(10)));
  EXPECT_EQ(queue.entries(), 1u);
  ASSERT_EQ(start(seconds(500)), Ids{1});
  EXPECT_EQ(running[0].entry->recipients, (std::vector<std::uint32_t>{0, 2}));
  EXPECT_EQ(queue.next_deadline(), Instant::max());
}

TEST_F(QueueTest, a_hurry_ends_the_back_off) {
  add(1, "mx:a.test");
  start(seconds(0));
  NextHop& hop = *running[0].hop;
  queue.failed(hop, {}, at(seconds(0)), 0);
  queue.add(std::move(running[0].entry), hop, at(seconds(0)));
  queue.worker_ended(hop, at(seconds(0)));
  EXPECT_EQ(start(seconds(10)), Ids{});
  queue.hurry(hop, at(seconds(10)));
  EXPECT_EQ(start(seconds(10)), Ids{1});
  queue.failed(hop, {}, at(seconds(11)), 512);
  EXPECT_EQ(hop.next_probe(), at(seconds(311))) << "it was the second failure";
}

TEST_F(QueueTest, a_hurry_during_attempts_gives_one_more_when_all_have_failed) {
  for (std::uint64_t id = 1; id <= 3; ++id) add(id, "mx:a.test");
  ASSERT_EQ(start(seconds(0)), (Ids{1, 2}));
  NextHop& hop = *running[0].hop;
  queue.hurry(hop, at(seconds(10)));
  for (Work& work : running) {
    queue.failed(hop, {}, at(seconds(11)), 512);
    queue.add(std::move(work.entry), hop, at(seconds(11)));
    EXPECT_EQ(queue.next_worker(at(seconds(11))), std::nullopt) << "not while a worker is there";
    queue.worker_ended(hop, at(seconds(11)));
  }
  EXPECT_EQ(hop.failures().size(), 1u);
  EXPECT_EQ(start(seconds(11)), Ids{1});
  queue.failed(hop, {}, at(seconds(12)), 512);
  EXPECT_EQ(hop.next_probe(), at(seconds(312))) << "one more, and then the schedule goes on";
}

TEST_F(QueueTest, new_options_make_what_waits_outdated_until_it_is_filed_anew) {
  for (std::uint64_t id = 1; id <= 5; ++id) add(id, "mx:a.test", seconds(100 * id));
  queue.set_options({{minutes(1)}, seconds(1'000), 1}, at(seconds(0)));
  Queue::Place place;
  Ids seen;
  for (;;) {
    auto some = queue.extract_outdated(queue.hop("mx:a.test"), place, 2, at(seconds(0)));
    if (some.empty()) break;
    EXPECT_LE(some.size(), 2u);
    for (auto& entry : some) {
      seen.push_back(entry->id.value);
      EXPECT_TRUE(queue.is_outdated(*entry));
      entry->due = at(seconds(1'000));
      queue.add(std::move(entry), queue.hop("mx:a.test"), at(seconds(0)));
    }
  }
  EXPECT_EQ(seen, (Ids{1, 2, 3, 4, 5}));
  EXPECT_EQ(start(seconds(1'000)), Ids{1}) << "and one connection is all that is allowed now";
}

TEST_F(QueueTest, delays_follow_the_schedule_with_ten_percent_of_jitter) {
  EXPECT_EQ(queue.retry_delay(1, 512), minutes(1));
  EXPECT_EQ(queue.retry_delay(1, 0), seconds(54));
  EXPECT_LE(queue.retry_delay(1, 1'024), seconds(66));
  EXPECT_EQ(queue.retry_delay(2, 512), minutes(5));
  EXPECT_EQ(queue.retry_delay(99, 512), minutes(15)) << "the last one repeats";
}

TEST_F(QueueTest, a_next_hop_is_forgotten_with_its_last_entry) {
  add(1, "mx:a.test");
  start(seconds(0));
  NextHop& hop = *running[0].hop;
  queue.finished(std::move(running[0].entry), at(seconds(0)));
  EXPECT_NE(queue.find_hop("mx:a.test"), nullptr);
  queue.worker_ended(hop, at(seconds(0)));
  EXPECT_EQ(queue.find_hop("mx:a.test"), nullptr);
  EXPECT_EQ(queue.entries(), 0u);
}

TEST_F(QueueTest, that_a_next_hop_could_not_be_reached_is_forgotten_with_its_last_entry) {
  std::vector<std::string> forgotten;
  queue.set_on_forgotten([&](const std::string& key) { forgotten.push_back(key); });
  add(1, "mx:a.test");
  add(2, "mx:b.test");
  start(seconds(0));
  for (Work& work : running) {
    NextHop& hop = *work.hop;
    if (hop.key() == "mx:a.test") queue.failed(hop, {}, at(seconds(0)), 0);
    queue.finished(std::move(work.entry), at(seconds(0)));
    queue.worker_ended(hop, at(seconds(0)));
  }
  EXPECT_EQ(forgotten, std::vector<std::string>{"mx:a.test"});
  queue.restore(queue.hop("mx:c.test"), {{}}, at(seconds(0)));
  queue.forget_unused();
  EXPECT_EQ(forgotten, (std::vector<std::string>{"mx:a.test", "mx:c.test"}));
}

TEST_F(QueueTest, an_entry_moves_to_another_next_hop) {
  add(1, "mx:a.test");
  start(seconds(0));
  NextHop& old = *running[0].hop;
  queue.add(std::move(running[0].entry), queue.hop("smtp://b.test:25"), at(seconds(0)));
  queue.worker_ended(old, at(seconds(0)));
  EXPECT_EQ(queue.find_hop("mx:a.test"), nullptr);
  EXPECT_EQ(start(seconds(0)), Ids{1});
  EXPECT_EQ(queue.entries(), 1u);
}

TEST(QueueMemory, an_entry_is_small) {
  // The node of the set, the entry, and one allocation for the recipients.
  EXPECT_LE(sizeof(Entry) + 48 + 32 + 16, 256u);
}

}  // namespace
}  // namespace queue
