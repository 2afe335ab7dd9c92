#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sim/world.h"
#include "spool/format.h"
#include "spool/spool.h"
#include "spool/spool_testing.h"

// Flipped bits (P9): each costs one message at most, is reported, and nothing of it is deleted.
namespace spool {
namespace {

using base::MessageId;

constexpr base::Duration second = std::chrono::seconds(1);
constexpr std::string_view first_segment = "/data/queue/log.00000001";

std::string whole(std::string_view content) {
  return std::string(Rig::prefix) + std::string(content);
}

std::string content_of(int i) {
  return "message " + std::to_string(i) + "\r\n" + std::string(2'000, static_cast<char>('a' + i));
}

/// Stores a few messages, one frame each, and gives one of them a state; waits until all is marked.
std::vector<MessageId> store_some(Rig& rig) {
  std::vector<MessageId> ids;
  for (int i = 0; i < 6; ++i) ids.push_back(*rig.store(content_of(i), 2));
  EXPECT_TRUE(rig.run(rig.spool().outcome(change_of(ids[1], 0, RecipientState::deferred))));
  rig.pass(second);
  return ids;
}

/// How many of them are there and whole. A wrong content never counts as one.
std::size_t count_whole(Rig& rig, const std::vector<MessageId>& ids) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto found = rig.found().find(ids[i]);
    if (found == rig.found().end() || !found->second.content) continue;
    EXPECT_EQ(*found->second.content, whole(content_of(static_cast<int>(i))));
    EXPECT_EQ(found->second.envelope, test_envelope(2));
    ++count;
  }
  return count;
}

/// Several messages in one frame: accepted side by side.
std::vector<MessageId> store_together(Rig& rig) {
  std::vector<MessageId> ids;
  struct Accept {
    static base::Task<> run(Spool& spool, NewMessage message) {
      EXPECT_TRUE(co_await spool.accept(std::move(message)));
    }
  };
  std::vector<NewMessage> messages;
  for (int i = 0; i < 6; ++i) {
    messages.push_back(rig.message(content_of(i), 2));
    ids.push_back(messages.back().id);
  }
  for (NewMessage& message : messages) rig.spawn(Accept::run(rig.spool(), std::move(message)));
  messages.clear();
  rig.join();
  rig.pass(second);
  return ids;
}

void flip_everywhere(std::vector<MessageId> (*store)(Rig&), bool orderly_stop) {
  std::uint64_t used = 0;
  {
    Rig rig(1);
    ASSERT_TRUE(rig.start());
    (void)store(rig);
    const std::string octets = *rig.disk().contents(std::string(first_segment));
    used = octets.find_last_not_of('\0') + 1;
  }
  ASSERT_GT(used, 10'000u);
  std::size_t damaged = 0;
  for (std::uint64_t at = 0; at < used; at += 61) {
    Rig rig(1);
    ASSERT_TRUE(rig.start());
    const std::vector<MessageId> ids = store(rig);
    if (orderly_stop) rig.stop();
    rig.crash(false);
    rig.disk().damage(std::string(first_segment), at, 0x10);
    const auto recovered = rig.start();
    ASSERT_TRUE(recovered) << at;
    const std::size_t there = count_whole(rig, ids);
    EXPECT_GE(there + 1, ids.size()) << "octet " << at;
    if (there < ids.size()) {
      EXPECT_FALSE(rig.spool().damage().empty()) << "octet " << at << " is not reported";
      ++damaged;
    }
    EXPECT_TRUE(rig.store("the queue goes on\r\n")) << at;
  }
  EXPECT_GT(damaged, 10u);
}

TEST(spool_damage, a_flipped_bit_anywhere_costs_one_message_at_most) {
  flip_everywhere(&store_some, false);
}

TEST(spool_damage, also_in_a_frame_of_many) { flip_everywhere(&store_together, false); }

TEST(spool_damage, also_after_an_orderly_stop) { flip_everywhere(&store_together, true); }

TEST(spool_damage, a_damaged_content_is_found_while_it_is_read) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const auto ids = store_some(rig);
  const std::string octets = *rig.disk().contents(std::string(first_segment));
  const std::size_t at = octets.find("message 2");
  rig.disk().damage(std::string(first_segment), at + 1'000, 1);
  const auto content = rig.read(ids[2]);
  ASSERT_FALSE(content) << "never to its end";
  EXPECT_FALSE(rig.spool().contains(ids[2])) << "quarantined";
  ASSERT_EQ(rig.spool().damage().size(), 1u);
  EXPECT_EQ(rig.spool().damage()[0].id, ids[2]);
  EXPECT_EQ(rig.spool().damage()[0].file, "log.00000001");
  EXPECT_EQ(rig.spool().damage()[0].offset, at);
  EXPECT_EQ(rig.spool().damage()[0].what, "content");
  rig.pass(second);
  for (int life = 0; life < 3; ++life) {
    rig.crash(true);
    ASSERT_TRUE(rig.start());
    EXPECT_FALSE(rig.found().contains(ids[2]));
    EXPECT_EQ(rig.found().size(), ids.size() - 1);
    ASSERT_EQ(rig.spool().damage().size(), 1u) << "remembered, once";
    EXPECT_EQ(rig.spool().damage()[0].id, ids[2]);
  }
}

TEST(spool_damage, a_damaged_file_of_a_content_is_found_and_kept) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const auto id = rig.store(std::string(70'000, 'x'));
  rig.pass(second);
  const std::string path = "/data/queue/content/0000000000000001";
  rig.disk().damage(path, 35'000, 1);
  ASSERT_FALSE(rig.read(*id));
  EXPECT_FALSE(rig.spool().contains(*id));
  rig.pass(second);
  rig.crash(true);
  ASSERT_TRUE(rig.start());
  rig.pass(second);
  EXPECT_TRUE(rig.disk().contents(path));
  ASSERT_EQ(rig.spool().damage().size(), 1u);
  EXPECT_EQ(rig.spool().damage()[0].file, "content/0000000000000001");
}

TEST(spool_damage, a_damaged_segment_is_put_aside_and_not_deleted) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const auto ids = store_some(rig);
  const std::string octets = *rig.disk().contents(std::string(first_segment));
  rig.disk().damage(std::string(first_segment), octets.find("message 2") + 1'000, 1);
  ASSERT_FALSE(rig.read(ids[2]));
  for (int i = 0; i < 100; ++i) {
    const auto id = rig.store(std::string(20'000, 'x'));
    ASSERT_TRUE(id);
    ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(*id, 0, RecipientState::delivered))));
  }
  rig.pass(second);
  EXPECT_FALSE(rig.disk().contents(std::string(first_segment)));
  const auto kept = rig.disk().contents("/data/queue/damaged.00000001");
  ASSERT_TRUE(kept);
  EXPECT_TRUE(kept->contains("message 2"));
  rig.crash(true);
  ASSERT_TRUE(rig.start());
  EXPECT_EQ(count_whole(rig, ids), ids.size() - 1);
  EXPECT_EQ(rig.spool().damage().size(), 1u) << "the note goes on into new segments";
  for (const MessageId id : ids)
    if (rig.spool().contains(id)) EXPECT_TRUE(rig.read(id));
}

TEST(spool_damage, what_is_damaged_is_not_copied_forward) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const auto ids = store_some(rig);
  const std::string octets = *rig.disk().contents(std::string(first_segment));
  rig.disk().damage(std::string(first_segment), octets.find("message 2") + 1'000, 1);
  rig.disk().damage(std::string(first_segment), octets.find("<r1@z.test>"), 1);
  for (int i = 0; i < 100; ++i) {
    const auto id = rig.store(std::string(20'000, 'x'));
    ASSERT_TRUE(id);
    ASSERT_TRUE(rig.run(rig.spool().outcome(change_of(*id, 0, RecipientState::delivered))));
  }
  rig.pass(second);
  EXPECT_FALSE(rig.disk().contents(std::string(first_segment))) << "copied and freed";
  ASSERT_EQ(rig.spool().damage().size(), 2u);
  EXPECT_TRUE(rig.disk().contents("/data/queue/damaged.00000001"));
  std::set<MessageId> quarantined;
  for (const Damage& damage : rig.spool().damage()) quarantined.insert(damage.id);
  EXPECT_EQ(quarantined, (std::set<MessageId>{ids[0], ids[2]}));
  for (const MessageId id : ids) {
    EXPECT_EQ(rig.spool().contains(id), !quarantined.contains(id));
    if (rig.spool().contains(id)) EXPECT_TRUE(rig.read(id));
  }
}

TEST(spool_damage, an_unreadable_file_of_a_content_is_damage_too) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  const auto id = rig.store(std::string(70'000, 'x'));
  rig.pass(second);
  ASSERT_TRUE(rig.disk().unlink("/data/queue/content/0000000000000001"));
  EXPECT_FALSE(rig.read(*id));
  EXPECT_FALSE(rig.spool().contains(*id));
  EXPECT_EQ(rig.spool().damage().size(), 1u);
}

TEST(spool_damage, a_bad_index_is_rebuilt) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  std::vector<MessageId> ids;
  for (int i = 0; i < 30; ++i) ids.push_back(*rig.store(std::string(20'000, 'x')));
  rig.pass(second);
  std::string octets = *rig.disk().contents(std::string(first_segment));
  const auto footer =
      parse_frame_head(std::string_view(octets).substr(octets.size() - block_octets));
  ASSERT_TRUE(footer);
  ASSERT_EQ(footer->kind, FrameKind::footer);
  for (const std::uint64_t at :
       {std::uint64_t{footer->durable_up_to} + 5, std::uint64_t{footer->durable_up_to} + 100,
        std::uint64_t{octets.size()} - block_octets + 5}) {
    rig.crash(false);
    rig.disk().damage(std::string(first_segment), at, 1);
    ASSERT_TRUE(rig.start());
    EXPECT_EQ(rig.found().size(), ids.size());
    EXPECT_TRUE(rig.spool().damage().empty());
  }
}

TEST(spool_damage, octets_of_a_content_that_look_like_a_frame_are_none) {
  Rig rig(1);
  ASSERT_TRUE(rig.start());
  // A copy of a frame of this very segment, as somebody might send who knows the format, but not
  // the salt: it is drawn anew here.
  const auto real = rig.store("real\r\n");
  ASSERT_TRUE(real);
  std::string octets = *rig.disk().contents(std::string(first_segment));
  auto head = parse_frame_head(octets);
  ASSERT_TRUE(head);
  std::string forged;
  FrameHead wrong = *head;
  wrong.salt ^= 1;
  wrong.octets = block_octets;
  wrong.records = 0;
  wrong.durable_up_to = 1u << 20;
  append_frame_head(forged, wrong);
  forged.resize(block_octets, 'x');
  std::string content;
  for (int i = 0; i < 8; ++i) content += forged;
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const auto id = rig.store(std::string(shift * 512, 'y') + content);
    ASSERT_TRUE(id);
  }
  rig.pass(second);
  octets = *rig.disk().contents(std::string(first_segment));
  rig.crash(false);
  rig.disk().damage(std::string(first_segment), block_octets + 5, 1);
  ASSERT_TRUE(rig.start());
  EXPECT_EQ(rig.found().size(), 9u);
}

}  // namespace
}  // namespace spool
