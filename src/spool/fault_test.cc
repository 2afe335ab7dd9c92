#include <gtest/gtest.h>

#include "sim/world.h"
#include "spool/spool.h"
#include "spool/spool_testing.h"

// Every disk operation fails once, the syncs fail, the disk is full.
namespace spool {
namespace {

using base::IoErrorCode;
using base::MessageId;

constexpr base::Duration second = std::chrono::seconds(1);

std::string whole(std::string_view content) {
  return std::string(Rig::prefix) + std::string(content);
}

struct FaultCase {
  std::string_view name;
  std::size_t content_octets;
  bool power_cut;
};

const FaultCase fault_cases[] = {
    {"in the log, power cut", 3'000, true},
    {"in the log, kill", 3'000, false},
    {"in a file of its own, power cut", 70'000, true},
    {"in a file of its own, kill", 70'000, false},
};

/// The result alone: a message at hand must not outlive its spool.
template <class T>
Stored<> without_message(const Stored<T>& stored) {
  if (!stored) return std::unexpected(stored.error());
  return {};
}

/// Fails the first disk operation, then the second, and so on until none fails; after each, stops
/// the machine and looks at what recovery finds.
void test_a_stored_message_survives_any_single_fault(const FaultCase& row) {
  const std::string content(row.content_octets, 'x');
  for (std::uint64_t fail_at = 0;; ++fail_at) {
    const std::string where = std::string(row.name) + ", fault at " + std::to_string(fail_at);
    Rig rig(fail_at);
    ASSERT_TRUE(rig.start());
    const auto before = rig.store("before\r\n");
    ASSERT_TRUE(before) << where;
    rig.disk().fail_at(fail_at, {IoErrorCode::failed, 5});
    MessageId id;
    bool filled = false;
    Stored<> stored = std::unexpected(StoreError{});
    {
      NewMessage message = rig.message("");
      id = message.id;
      filled = rig.fill(message.content, content);
      if (filled) stored = without_message(rig.run(rig.spool().accept(std::move(message))));
    }
    const bool fault_reached = rig.disk().fault_reached();
    rig.disk().never_fail();
    rig.crash(row.power_cut);

    ASSERT_TRUE(rig.start()) << where;
    EXPECT_TRUE(rig.found().contains(*before)) << where;
    const auto found = rig.found().find(id);
    const bool is_there = found != rig.found().end();
    if (is_there) EXPECT_EQ(found->second.content, whole(content)) << where;
    if (stored) EXPECT_TRUE(is_there) << where << ": 250 was sent";
    if (filled && !stored && stored.error().kind == StoreError::Kind::refused)
      EXPECT_FALSE(is_there) << where << ": 452 was sent";
    if (!filled) EXPECT_FALSE(is_there) << where;
    if (!fault_reached) break;
  }
}

TEST(spool_fault, a_stored_message_survives_any_single_fault) {
  for (const FaultCase& row : fault_cases) test_a_stored_message_survives_any_single_fault(row);
}

TEST(spool_fault, a_report_is_all_or_nothing_at_any_single_fault) {
  for (std::uint64_t fail_at = 0;; ++fail_at) {
    const std::string where = "fault at " + std::to_string(fail_at);
    Rig rig(fail_at);
    ASSERT_TRUE(rig.start());
    const auto id = rig.store("hello\r\n");
    ASSERT_TRUE(id) << where;
    NewMessage report = rig.message("your mail\r\n");
    const MessageId report_id = report.id;
    rig.disk().fail_at(fail_at, {IoErrorCode::failed, 5});
    const Stored<> committed = without_message(rig.run(
        rig.spool().commit({change_of(*id, 0, RecipientState::bounced)}, std::move(report))));
    const bool fault_reached = rig.disk().fault_reached();
    rig.disk().never_fail();
    rig.crash(true);
    ASSERT_TRUE(rig.start()) << where;
    const bool has_report = rig.found().contains(report_id);
    const auto found = rig.found().find(*id);
    const bool is_open = found != rig.found().end() && !is_final(found->second.statuses[0].state);
    EXPECT_NE(has_report, is_open) << where;
    if (committed) EXPECT_TRUE(has_report) << where;
    if (!committed && committed.error().kind == StoreError::Kind::refused)
      EXPECT_FALSE(has_report) << where;
    if (!fault_reached) break;
  }
}

TEST(spool_fault, a_fault_during_recovery_loses_nothing) {
  for (std::uint64_t fail_at = 0;; ++fail_at) {
    const std::string where = "fault at " + std::to_string(fail_at);
    Rig rig(fail_at);
    ASSERT_TRUE(rig.start());
    const auto small = rig.store("hello\r\n");
    const auto large = rig.store(std::string(70'000, 'x'));
    ASSERT_TRUE(small && large);
    rig.crash(true);
    rig.disk().fail_at(fail_at, {IoErrorCode::failed, 5});
    (void)rig.start();
    rig.pass(second);
    const bool fault_reached = rig.disk().fault_reached();
    rig.disk().never_fail();
    rig.crash(true);
    ASSERT_TRUE(rig.start()) << where;
    ASSERT_EQ(rig.found().size(), 2u) << where;
    EXPECT_EQ(rig.found().at(*small).content, whole("hello\r\n")) << where;
    EXPECT_EQ(rig.found().at(*large).content, whole(std::string(70'000, 'x'))) << where;
    EXPECT_TRUE(rig.spool().damage().empty()) << where;
    if (!fault_reached) break;
  }
}

TEST(spool_fault, after_a_failed_sync_the_segment_is_never_written_again) {
  Rig rig(3);
  ASSERT_TRUE(rig.start());
  const auto kept = rig.store("kept\r\n");
  rig.disk().fail_syncs(1'000);
  NewMessage message = rig.message("refused\r\n");
  const MessageId id = message.id;
  const auto stored = rig.run(rig.spool().accept(std::move(message)));
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().kind, StoreError::Kind::unsure) << "no mark could be synced";
  rig.disk().fail_syncs(0);
  const std::string before = *rig.disk().contents("/data/queue/log.00000001");
  const auto later = rig.store("later\r\n");
  ASSERT_TRUE(later) << "recovers by itself";
  EXPECT_EQ(*rig.disk().contents("/data/queue/log.00000001"), before);
  rig.crash(true);
  ASSERT_TRUE(rig.start());
  EXPECT_TRUE(rig.found().contains(*kept));
  EXPECT_TRUE(rig.found().contains(*later));
  EXPECT_FALSE(rig.found().contains(id)) << "voided meanwhile";
}

TEST(spool_fault, what_was_refused_is_not_delivered_later) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Rig rig(seed);
    ASSERT_TRUE(rig.start());
    ASSERT_TRUE(rig.store("first\r\n"));
    rig.pass(second);
    bool failed_once = false;
    rig.disk().set_skip({});
    // Only the sync of the frame fails, not those of the mark that voids it.
    rig.disk().record(true);
    NewMessage message = rig.message("refused\r\n");
    const MessageId id = message.id;
    rig.disk().fail_at(1, {IoErrorCode::failed, 5});  // The write, then the sync.
    const auto stored = rig.run(rig.spool().accept(std::move(message)));
    failed_once = rig.disk().fault_reached();
    rig.disk().never_fail();
    ASSERT_TRUE(failed_once);
    ASSERT_FALSE(stored);
    EXPECT_EQ(stored.error().kind, StoreError::Kind::refused);
    rig.crash(seed % 2 == 0);
    ASSERT_TRUE(rig.start());
    EXPECT_FALSE(rig.found().contains(id)) << seed;
    EXPECT_EQ(rig.found().size(), 1u);
  }
}

TEST(spool_fault, a_full_disk_refuses_and_recovers_by_itself) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  std::vector<MessageId> kept;
  rig.disk().set_capacity(1u << 20);
  bool refused = false;
  for (int i = 0; i < 100 && !refused; ++i) {
    NewMessage message = rig.message(std::string(20'000, 'x'));
    const MessageId id = message.id;
    const auto stored = rig.run(rig.spool().accept(std::move(message)));
    if (stored) {
      kept.push_back(id);
      continue;
    }
    refused = true;
    EXPECT_EQ(stored.error().cause.code, IoErrorCode::no_space);
    EXPECT_EQ(stored.error().kind, StoreError::Kind::refused);
  }
  ASSERT_TRUE(refused);
  EXPECT_GT(kept.size(), 30u);
  // What is delivered meanwhile makes room, although the disk is full.
  for (std::size_t i = 0; i < 20; ++i)
    ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(kept[i], 0, RecipientState::delivered))));
  rig.pass(10 * second);
  const auto later = rig.store(std::string(20'000, 'y'));
  ASSERT_TRUE(later);
  kept.erase(kept.begin(), kept.begin() + 20);
  kept.push_back(*later);
  rig.crash(true);
  ASSERT_TRUE(rig.start());
  EXPECT_EQ(rig.found().size(), kept.size());
  for (const MessageId id : kept) EXPECT_TRUE(rig.found().contains(id));
}

TEST(spool_fault, a_server_starts_on_a_full_disk) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const auto id = rig.store("hello\r\n");
  rig.crash(true);
  rig.disk().set_capacity(rig.disk().used());
  ASSERT_TRUE(rig.start());
  EXPECT_TRUE(rig.found().contains(*id));
  // What the last life had taken ahead is soon gone.
  int more = 0;
  while (more < 100 && rig.store(std::string(20'000, 'x'))) ++more;
  EXPECT_LT(more, 10);
  rig.disk().set_capacity(std::nullopt);
  EXPECT_TRUE(rig.store("yes\r\n"));
}

// A queue that lies on a full disk must drain, or it would stay full for ever.

enum class Before : std::uint8_t { running, killed, power_cut, stopped };

struct FullDiskCase {
  std::string_view name;
  Before before;
  int messages;
  base::Duration between;  ///< Outcomes.
};

const FullDiskCase full_disk_cases[] = {
    {"a few messages, running", Before::running, 20, base::Duration(0)},
    {"a few messages after a kill", Before::killed, 20, base::Duration(0)},
    {"a few messages after a power cut", Before::power_cut, 20, base::Duration(0)},
    {"a few messages after a stop", Before::stopped, 20, base::Duration(0)},
    {"one by one, running", Before::running, 400, std::chrono::milliseconds(300)},
    {"one by one after a kill", Before::killed, 400, std::chrono::milliseconds(300)},
    {"one by one after a power cut", Before::power_cut, 400, std::chrono::milliseconds(300)},
    {"one by one after a stop", Before::stopped, 400, std::chrono::milliseconds(300)},
};

void test_a_queue_on_a_full_disk_drains(const FullDiskCase& row) {
  SpoolOptions options = small_options();
  options.segment_octets = 1u << 20;
  options.journal_octets = 64u << 10;
  Rig rig(1, options);
  ASSERT_TRUE(rig.start()) << row.name;
  std::vector<MessageId> ids;
  for (int i = 0; i < row.messages; ++i) {
    const auto id = rig.store("hello\r\n");
    ASSERT_TRUE(id) << row.name;
    ids.push_back(*id);
  }
  rig.disk().set_capacity(rig.disk().used());
  if (row.before == Before::stopped) rig.stop();
  if (row.before == Before::killed || row.before == Before::power_cut)
    rig.crash(row.before == Before::power_cut);
  if (row.before != Before::running) {
    // Somebody else takes what has become free.
    rig.disk().set_capacity(rig.disk().used());
    ASSERT_TRUE(rig.start()) << row.name;
  }
  for (const MessageId id : ids) {
    ASSERT_TRUE(rig.run(rig.spool().attempt_begun(id, {0}))) << row.name;
    ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(id, 0, RecipientState::delivered))))
        << row.name;
    rig.pass(row.between);
  }
  rig.pass(10 * second);
  const auto later = rig.store("there is room again\r\n");
  ASSERT_TRUE(later) << row.name;
  rig.crash(false);
  ASSERT_TRUE(rig.start()) << row.name;
  EXPECT_EQ(rig.found().size(), 1u) << row.name;
  EXPECT_TRUE(rig.found().contains(*later)) << row.name;
}

TEST(spool_fault, a_queue_on_a_full_disk_drains) {
  for (const FullDiskCase& row : full_disk_cases) test_a_queue_on_a_full_disk_drains(row);
}

TEST(spool_fault, an_attempt_that_cannot_be_noted_is_not_made) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const auto id = rig.store("hello\r\n");
  rig.pass(second);
  rig.disk().fail_at(0, {IoErrorCode::failed, 5});
  EXPECT_FALSE(rig.run(rig.spool().attempt_begun(*id, {0})));
  EXPECT_TRUE(rig.run(rig.spool().attempt_begun(*id, {0}))) << "the journal is begun anew";
  rig.crash(false);
  const auto recovered = rig.start();
  ASSERT_TRUE(recovered);
  EXPECT_EQ(recovered->unknown, 1u);
}

TEST(spool_fault, an_envelope_that_is_too_large_is_refused) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  NewMessage message = rig.message("x");
  message.envelope.helo.assign(140'000, 'h');
  const auto stored = rig.run(rig.spool().accept(std::move(message)));
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().kind, StoreError::Kind::refused);
  EXPECT_TRUE(rig.store("next\r\n"));
}

TEST(spool_fault, without_durability_nothing_is_synced) {
  SpoolOptions options = small_options();
  options.synchronous = false;
  Rig rig(1, options);
  ASSERT_TRUE(rig.start());
  rig.disk().record(true);
  ASSERT_TRUE(rig.store("hello\r\n"));
  ASSERT_TRUE(rig.store(std::string(70'000, 'x')));
  for (const auto& logged : rig.disk().log()) {
    EXPECT_NE(logged.operation, sim::DiskOperation::sync);
    EXPECT_NE(logged.operation, sim::DiskOperation::sync_directory);
  }
}

}  // namespace
}  // namespace spool
