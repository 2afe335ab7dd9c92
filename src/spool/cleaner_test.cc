#include <gtest/gtest.h>

#include <algorithm>

#include "sim/world.h"
#include "spool/spool.h"
#include "spool/spool_testing.h"

// Freeing segments and copying forward.
namespace spool {
namespace {

using base::MessageId;

constexpr base::Duration second = std::chrono::seconds(1);

std::size_t segments_on_disk(Rig& rig, std::string_view beginning = "/data/queue/log.") {
  return static_cast<std::size_t>(std::ranges::count_if(
      rig.disk().tree(),
      [beginning](const std::string& path) { return path.starts_with(beginning); }));
}

std::string content_of(int i) { return std::to_string(i) + std::string(20'000, 'x'); }

std::string whole(std::string_view content) {
  return std::string(Rig::prefix) + std::string(content);
}

TEST(spool_cleaner, segments_of_delivered_messages_go) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  for (int i = 0; i < 100; ++i) {
    const auto id = rig.store(content_of(i));
    ASSERT_TRUE(id);
    ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(*id, 0, RecipientState::delivered))));
  }
  rig.pass(second);
  EXPECT_GT(rig.spool().statistics().segments_freed, 5u);
  EXPECT_LE(segments_on_disk(rig), 2u);
  rig.crash(true);
  const auto recovered = rig.start();
  ASSERT_TRUE(recovered);
  EXPECT_EQ(recovered->messages, 0u);
}

TEST(spool_cleaner, few_live_messages_are_copied_forward_with_their_states) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  std::map<MessageId, std::string> kept;
  rig.spool().put_hop("hop", "known");
  for (int i = 0; i < 200; ++i) {
    const auto id = rig.store(content_of(i), 3);
    ASSERT_TRUE(id);
    Change change = change_of(*id, 0, RecipientState::deferred);
    change.items.push_back({1, status_of(RecipientState::delivered)});
    if (i % 40 != 0) {
      change.items[0].status.state = RecipientState::delivered;
      change.items.push_back({2, status_of(RecipientState::delivered)});
    } else {
      kept[*id] = content_of(i);
    }
    ASSERT_TRUE(rig.run(rig.spool().outcome(std::move(change))));
  }
  rig.pass(second);
  EXPECT_GT(rig.spool().statistics().copied_forward, 0u);
  EXPECT_LE(segments_on_disk(rig), 4u);
  for (const auto& [id, content] : kept) EXPECT_EQ(rig.read(id), whole(content));
  for (const bool power_cut : {true, false}) {
    rig.crash(power_cut);
    ASSERT_TRUE(rig.start());
    ASSERT_EQ(rig.found().size(), kept.size());
    for (const auto& [id, content] : kept) {
      const Found& found = rig.found().at(id);
      EXPECT_EQ(found.content, whole(content));
      EXPECT_EQ(found.statuses[0], status_of(RecipientState::deferred));
      EXPECT_EQ(found.statuses[1].state, RecipientState::delivered);
      EXPECT_EQ(found.statuses[2].state, RecipientState::ready);
    }
    EXPECT_EQ(rig.hops()["hop"], "known");
  }
  for (const auto& [id, content] : kept) {
    for (const std::uint32_t recipient : {0u, 2u})
      ASSERT_TRUE(
          rig.run(rig.spool().outcome(change_of(id, recipient, RecipientState::delivered))));
  }
  rig.pass(second);
  rig.crash(true);
  ASSERT_TRUE(rig.start());
  EXPECT_TRUE(rig.found().empty()) << "done ones do not come back";
}

TEST(spool_cleaner, a_queue_that_nobody_takes_does_not_hold_up_the_traffic_beside_it) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  std::vector<MessageId> stuck;
  for (int i = 0; i < 40; ++i) stuck.push_back(*rig.store(content_of(i)));
  for (int i = 0; i < 300; ++i) {
    const auto id = rig.store(content_of(i));
    ASSERT_TRUE(id);
    ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(*id, 0, RecipientState::delivered))));
  }
  rig.pass(second);
  // Twice what is live, and four segments.
  EXPECT_LE(segments_on_disk(rig), 2u * 4u + 4u + 2u);
  rig.crash(true);
  ASSERT_TRUE(rig.start());
  EXPECT_EQ(rig.found().size(), stuck.size());
}

TEST(spool_cleaner, nothing_is_lost_when_any_operation_of_cleaning_fails_or_the_power_does) {
  for (const bool cut : {false, true}) {
    for (std::uint64_t at = 0; at < 80; ++at) {
      const std::string where = (cut ? "cut at " : "fault at ") + std::to_string(at);
      Rig rig(at);
      ASSERT_TRUE(rig.start());
      const auto kept = rig.store(content_of(0), 2);
      ASSERT_TRUE(kept);
      ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(*kept, 1, RecipientState::delivered))));
      std::vector<MessageId> rest;
      for (int i = 1; i < 32; ++i) rest.push_back(*rig.store(content_of(i)));
      rig.pass(second);
      if (cut)
        rig.machine().stop_at_disk_operation(at, sim::Stop::power_cut);
      else
        rig.disk().fail_at(at, {base::IoErrorCode::failed, 5});
      for (const MessageId id : rest)
        (void)rig.run(rig.spool().outcome(change_of(id, 0, RecipientState::delivered)));
      rig.pass(20 * second);
      const bool is_stopped = rig.machine().is_stopped();
      if (!cut) {
        rig.disk().never_fail();
        EXPECT_LE(segments_on_disk(rig), 2u) << where << ": it goes on cleaning";
      }
      rig.machine().stop_not();
      rig.crash(true);
      ASSERT_TRUE(rig.start()) << where;
      ASSERT_TRUE(rig.found().contains(*kept)) << where;
      EXPECT_EQ(rig.found().at(*kept).content, whole(content_of(0))) << where;
      EXPECT_EQ(rig.found().at(*kept).statuses[1].state, RecipientState::delivered) << where;
      EXPECT_TRUE(rig.spool().damage().empty()) << where;
      if (!is_stopped) EXPECT_EQ(rig.found().size(), 1u) << where;
    }
  }
}

TEST(spool_cleaner, a_freed_segment_does_not_come_back_although_a_sync_of_the_folder_failed) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Rig rig(seed);
    ASSERT_TRUE(rig.start());
    std::vector<MessageId> ids;
    for (int i = 0; i < 40; ++i) ids.push_back(*rig.store(content_of(i)));
    rig.pass(second);
    for (const MessageId id : ids)
      ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(id, 0, RecipientState::delivered))));
    // The outcomes are durable; what fails now is the freeing.
    for (int i = 0; i < 40; ++i) {
      rig.disk().fail_syncs(300);
      rig.pass(second / 2);
      rig.disk().fail_syncs(0);
      rig.pass(second);
    }
    EXPECT_LE(segments_on_disk(rig), 2u);
    for (int i = 0; i < 40; ++i) {
      const auto id = rig.store(content_of(i));
      ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(*id, 0, RecipientState::delivered))));
    }
    rig.pass(2 * second);
    rig.crash(true);
    ASSERT_TRUE(rig.start());
    EXPECT_TRUE(rig.found().empty()) << seed;
  }
}

/// Lets several segments become free at once, then cuts the power.
std::string run_with_forgotten_unlinks(std::uint64_t seed, bool mutate) {
  Rig rig(seed);
  if (!rig.start()) return "no start";
  rig.disk().record(true);
  if (mutate)
    rig.disk().set_skip([&](sim::DiskOperation operation, const std::string& path, std::uint64_t) {
      if (operation != sim::DiskOperation::sync_directory || !path.ends_with("/queue"))
        return false;
      for (auto at = rig.disk().log().rbegin(); at != rig.disk().log().rend(); ++at) {
        if (!at->path.contains("/log.")) continue;
        if (at->operation == sim::DiskOperation::unlink) return true;
        if (at->operation == sim::DiskOperation::allocate) return false;
      }
      return false;
    });
  const auto deliver = [&](MessageId id) {
    return rig.run(rig.spool().outcome(change_of(id, 0, RecipientState::delivered))).has_value();
  };
  // Too much to be copied keeps the first segment, while the ends of what else lies in it go into
  // those behind it.
  std::vector<MessageId> blocking;
  for (int i = 0; i < 40; ++i) {
    const auto id = rig.store(content_of(i));
    if (!id) return "not stored";
    if (i < 5) blocking.push_back(*id);
    if (i >= 5 && !deliver(*id)) return "no outcome";
  }
  rig.pass(second);
  for (const MessageId id : blocking)
    if (!deliver(id)) return "no outcome";
  rig.pass(second);
  rig.disk().set_skip({});
  rig.crash(true);
  if (!rig.start()) return "no start after the crash";
  return rig.found().empty() ? "" : "a message that is done came back";
}

TEST(spool_cleaner, the_sync_after_an_unlink_is_needed) {
  std::string wrong;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    ASSERT_EQ(run_with_forgotten_unlinks(seed, false), "");
    if (wrong.empty()) wrong = run_with_forgotten_unlinks(seed, true);
  }
  EXPECT_EQ(wrong, "a message that is done came back");
}

}  // namespace
}  // namespace spool
