#include "spool/spool.h"

#include <gtest/gtest.h>

#include "sim/world.h"
#include "spool/spool_testing.h"

namespace spool {
namespace {

using base::IoErrorCode;
using base::MessageId;

std::string whole(std::string_view content) {
  return std::string(Rig::prefix) + std::string(content);
}

constexpr base::Duration second = std::chrono::seconds(1);

TEST(spool, a_message_outlives_a_power_cut) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const auto id = rig.store("hello\r\n", 2);
  ASSERT_TRUE(id);
  EXPECT_EQ(rig.read(*id), whole("hello\r\n"));
  rig.crash(true);
  const auto recovered = rig.start();
  ASSERT_TRUE(recovered);
  EXPECT_EQ(recovered->messages, 1u);
  ASSERT_TRUE(rig.found().contains(*id));
  const Found& found = rig.found().at(*id);
  EXPECT_EQ(found.envelope, test_envelope(2));
  EXPECT_EQ(found.content, whole("hello\r\n"));
  EXPECT_EQ(found.size, whole("hello\r\n").size());
  EXPECT_EQ(found.statuses[0].state, RecipientState::ready);
  EXPECT_EQ(found.statuses[0].next_attempt, found.envelope.received);
}

TEST(spool, an_accepted_message_is_at_hand_without_a_read) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const auto stored = rig.run(rig.spool().accept(rig.message("hello\r\n")));
  ASSERT_TRUE(stored);
  ASSERT_TRUE(stored->content);
  std::string octets;
  for (const std::string_view piece : *stored->content) octets += piece;
  EXPECT_EQ(octets, whole("hello\r\n"));
  EXPECT_EQ(stored->size, octets.size());
}

TEST(spool, memory_is_given_back) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  {
    const NewMessage aborted = rig.message("hello\r\n");
  }
  ASSERT_TRUE(rig.store("hello\r\n"));
  EXPECT_EQ(rig.spool().statistics().memory_octets, 0u);
}

TEST(spool, a_large_content_has_a_file_of_its_own) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const std::string content(70'000, 'x');  // Beyond a quarter of a segment.
  const auto id = rig.store(content);
  ASSERT_TRUE(id);
  rig.crash(true);
  ASSERT_TRUE(rig.start());
  EXPECT_EQ(rig.found().at(*id).content, whole(content));
  EXPECT_TRUE(rig.disk().contents("/data/queue/content/0000000000000001"));
  ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(*id, 0, RecipientState::delivered))));
  rig.pass(second);
  EXPECT_FALSE(rig.disk().contents("/data/queue/content/0000000000000001"));
}

TEST(spool, contents_beyond_the_common_memory_go_to_files) {
  SpoolOptions options = small_options();
  options.content_memory_max = 64u << 10;
  Rig rig(1, options);
  ASSERT_TRUE(rig.start());
  std::vector<NewMessage> open;
  for (int i = 0; i < 4; ++i) open.push_back(rig.message(std::string(30'000, 'x')));
  EXPECT_LE(rig.spool().statistics().memory_octets, 64u << 10);
  EXPECT_FALSE(open.back().content.in_memory());
  for (NewMessage& message : open) {
    const MessageId id = message.id;
    ASSERT_TRUE(rig.run(rig.spool().accept(std::move(message))));
    EXPECT_EQ(rig.read(id), whole(std::string(30'000, 'x')));
  }
}

TEST(spool, an_aborted_large_content_leaves_nothing) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  {
    const NewMessage aborted = rig.message(std::string(70'000, 'x'));
  }
  for (const std::string& path : rig.disk().tree())
    EXPECT_FALSE(path.starts_with("/data/queue/content/0")) << path;
}

TEST(spool, orphans_are_removed_and_named_files_are_not) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const auto id = rig.store(std::string(70'000, 'x'));
  rig.stop();
  rig.disk().put("/data/queue/content/0000000000000009", "nobody's");
  ASSERT_TRUE(rig.start());
  rig.pass(second);
  EXPECT_FALSE(rig.disk().contents("/data/queue/content/0000000000000009"));
  EXPECT_TRUE(rig.read(*id));
  const auto next = rig.store(std::string(70'000, 'y'));
  ASSERT_TRUE(next);
  EXPECT_TRUE(rig.disk().contents("/data/queue/content/000000000000000a"));
}

TEST(spool, outcomes_are_kept_and_the_last_one_ends_the_message) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const auto id = rig.store("hello\r\n", 3);
  ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(*id, 1, RecipientState::delivered))));
  ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(*id, 2, RecipientState::deferred))));
  auto loaded = rig.spool().load(*id);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->statuses[0], [&] {
    RecipientStatus status;
    status.next_attempt = loaded->envelope.received;
    return status;
  }());
  EXPECT_EQ(loaded->statuses[1].state, RecipientState::delivered);
  EXPECT_EQ(loaded->statuses[2], status_of(RecipientState::deferred));
  rig.pass(second);
  rig.crash(true);
  ASSERT_TRUE(rig.start());
  EXPECT_EQ(rig.found().at(*id).statuses, loaded->statuses);
  ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(*id, 2, RecipientState::delivered))));
  EXPECT_TRUE(rig.spool().contains(*id));
  ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(*id, 0, RecipientState::dropped))));
  EXPECT_FALSE(rig.spool().contains(*id));
  EXPECT_EQ(rig.run(rig.spool().outcome(change_of(*id, 0, RecipientState::held))).error().code,
            IoErrorCode::not_found);
  rig.pass(second);
  rig.crash(true);
  ASSERT_TRUE(rig.start());
  EXPECT_TRUE(rig.found().empty());
}

TEST(spool, a_thousand_recipients) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const auto id = rig.store("hello\r\n", 1'000);
  ASSERT_TRUE(id);
  for (std::uint32_t i = 0; i < 999; ++i)
    ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(*id, i, RecipientState::delivered))));
  rig.pass(second);
  rig.crash(true);
  ASSERT_TRUE(rig.start());
  const Found& found = rig.found().at(*id);
  for (std::size_t i = 0; i < 1'000; ++i)
    EXPECT_EQ(is_final(found.statuses[i].state), i < 999) << i;
  ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(*id, 999, RecipientState::delivered))));
  EXPECT_FALSE(rig.spool().contains(*id));
}

TEST(spool, outcomes_survive_a_kill_at_once_and_an_attempt_without_one_is_unknown) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const auto id = rig.store("hello\r\n", 3);
  const auto gone = rig.store("bye\r\n");
  ASSERT_TRUE(rig.run(rig.spool().attempt_begun(*id, {0, 1})));
  ASSERT_TRUE(rig.run(rig.spool().attempt_begun(*gone, {0})));
  ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(*id, 1, RecipientState::deferred))));
  ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(*gone, 0, RecipientState::delivered))));
  rig.crash(false);
  auto recovered = rig.start();
  ASSERT_TRUE(recovered);
  EXPECT_EQ(recovered->unknown, 1u);
  EXPECT_FALSE(rig.found().contains(*gone));
  const Found& found = rig.found().at(*id);
  EXPECT_EQ(found.newly_unknown, std::vector<std::uint32_t>{0});
  EXPECT_TRUE(found.statuses[0].unknown);
  EXPECT_EQ(found.statuses[0].attempts, 1u);
  EXPECT_EQ(found.statuses[1], status_of(RecipientState::deferred));
  EXPECT_FALSE(found.statuses[2].unknown);
  rig.crash(false);
  recovered = rig.start();
  ASSERT_TRUE(recovered);
  EXPECT_EQ(recovered->unknown, 0u) << "told once";
  EXPECT_TRUE(rig.found().at(*id).statuses[0].unknown) << "but remembered";
  EXPECT_EQ(rig.found().at(*id).statuses[0].attempts, 1u);
}

TEST(spool, a_report_and_the_failure_that_it_tells_of_come_together) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const auto id = rig.store("hello\r\n", 2);
  Change change = change_of(*id, 0, RecipientState::bounced);
  change.items.push_back({1, status_of(RecipientState::delivered)});
  NewMessage report = rig.message("your mail\r\n");
  const MessageId report_id = report.id;
  {
    const auto committed = rig.run(rig.spool().commit({change}, std::move(report)));
    ASSERT_TRUE(committed);
    ASSERT_TRUE(*committed);
    EXPECT_EQ((*committed)->id, report_id);
  }
  EXPECT_FALSE(rig.spool().contains(*id));
  rig.pass(second);
  rig.crash(true);
  ASSERT_TRUE(rig.start());
  EXPECT_FALSE(rig.found().contains(*id));
  EXPECT_EQ(rig.found().at(report_id).content, whole("your mail\r\n"));
}

TEST(spool, a_change_without_report_is_durable_when_commit_returns) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const auto id = rig.store("hello\r\n");
  ASSERT_TRUE(
      rig.run(rig.spool().commit({change_of(*id, 0, RecipientState::bounced)}, std::nullopt)));
  rig.crash(true);
  ASSERT_TRUE(rig.start());
  EXPECT_TRUE(rig.found().empty());
}

TEST(spool, hops_are_remembered_until_they_are_removed) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  rig.spool().put_hop("mx:a.test", "one");
  rig.spool().put_hop("mx:a.test", "two");
  rig.spool().put_hop("mx:b.test", "three");
  rig.spool().put_hop("mx:b.test", "");
  rig.pass(second);
  rig.crash(true);
  ASSERT_TRUE(rig.start());
  EXPECT_EQ(rig.hops(), (std::map<std::string, std::string>{{"mx:a.test", "two"}}));
}

TEST(spool, a_second_server_is_told) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  struct Nothing final : RecoverySink {
    void message(const RecoveredMessage&) override {}
    void hop(std::string_view, std::string_view) override {}
  } sink;
  ReadOnlySpool reader(rig.disk(), "/data/queue");
  const auto opened = reader.open(sink);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, IoErrorCode::busy);
}

TEST(spool, a_stopped_spool_can_be_looked_into_and_nothing_changes) {
  struct Count final : RecoverySink {
    void message(const RecoveredMessage& message) override { ids.push_back(message.id); }
    void hop(std::string_view, std::string_view) override {}
    std::vector<MessageId> ids;
  } sink;
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const auto id = rig.store("hello\r\n");
  rig.stop();
  rig.disk().record(true);
  ReadOnlySpool reader(rig.disk(), "/data/queue");
  ASSERT_TRUE(reader.open(sink));
  EXPECT_EQ(sink.ids, std::vector<MessageId>{*id});
  EXPECT_EQ(reader.load(*id)->envelope, test_envelope(1));
  std::string buffer(1'000, '\0');
  EXPECT_EQ(reader.read_content(*id)->read(buffer), Rig::prefix.size());
  for (const auto& logged : rig.disk().log()) {
    EXPECT_NE(logged.operation, sim::DiskOperation::write);
    EXPECT_NE(logged.operation, sim::DiskOperation::unlink);
  }
}

TEST(spool, reading_where_there_is_no_spool) {
  Rig rig(1);
  struct Nothing final : RecoverySink {
    void message(const RecoveredMessage&) override {}
    void hop(std::string_view, std::string_view) override {}
  } sink;
  ReadOnlySpool reader(rig.disk(), "/nowhere");
  EXPECT_EQ(reader.open(sink).error().code, IoErrorCode::not_found);
}

TEST(spool, an_orderly_stop_leaves_no_journal) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  ASSERT_TRUE(rig.store("hello\r\n"));
  rig.stop();
  for (const std::string& path : rig.disk().tree())
    EXPECT_FALSE(path.starts_with("/data/queue/attempts.0")) << path;
}

TEST(spool, ids_grow_although_the_clock_goes_back) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const auto first = rig.store("hello\r\n");
  rig.machine().clock().set_error(std::chrono::hours(-100));
  EXPECT_GT(rig.spool().new_id(), *first);
  rig.crash(true);
  ASSERT_TRUE(rig.start());
  EXPECT_GT(rig.spool().new_id(), *first);
}

}  // namespace
}  // namespace spool
