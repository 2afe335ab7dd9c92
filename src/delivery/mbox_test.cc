#include "delivery/mbox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/group.h"
#include "delivery/mbox_tail.h"
#include "delivery/mbox_text.h"
#include "sim/disk.h"
#include "sys/loop.h"

namespace delivery {
namespace {

using base::Io;
using base::IoErrorCode;
using sim::DiskOperation;

/// Time passes by waiting alone.
class QuickLoop final : public sys::Loop {
 public:
  void post(base::Posted& /*first*/, base::Posted& /*last*/) noexcept override { std::abort(); }
  sys::Now<> sleep_until(base::Instant when, sys::Completion<>& /*done*/) override {
    ++sleeps;
    now_ = when;
    if (on_sleep) on_sleep();
    return Io<>{};
  }
  base::Instant now() const override { return now_; }

  int sleeps = 0;
  std::function<void()> on_sleep;

 private:
  base::Instant now_{};
};

base::Task<> run_into(sys::Disk& disk, sys::Loop& loop, std::vector<MboxItem> items,
                      std::vector<Io<>>& out) {
  out = co_await deliver_to_mbox(disk, loop, std::move(items));
}

std::vector<Io<>> deliver(sys::Disk& disk, QuickLoop& loop, std::vector<MboxItem> items) {
  std::vector<Io<>> out;
  base::Group group;
  group.spawn(run_into(disk, loop, std::move(items), out));
  EXPECT_EQ(group.size(), 0u);
  return out;
}
std::vector<Io<>> deliver(sys::Disk& disk, std::vector<MboxItem> items) {
  QuickLoop loop;
  return deliver(disk, loop, std::move(items));
}

bool all_done(const std::vector<Io<>>& results) {
  return std::ranges::all_of(results, [](const Io<>& result) { return result.has_value(); });
}

// Longer than a sector, so that a power cut can tear it.
const std::string wire_a = "A: 1\r\n\r\n" + std::string(1'500, 'a') + "\r\n";
const std::string wire_b = "B: 1\r\n\r\n" + std::string(700, 'b') + "\r\nFrom b\r\n";
const std::string wire_old = "Old: 1\r\n\r\n" + std::string(600, 'o') + "\r\n";
const std::string text_a = "From a@z Thu\nA: 1\n\n" + std::string(1'500, 'a') + "\n\n";
const std::string text_b = "From b@z Thu\nB: 1\n\n" + std::string(700, 'b') + "\n>From b\n\n";
const std::string text_old = "From old@z Thu\nOld: 1\n\n" + std::string(600, 'o') + "\n\n";

MboxItem item_a(bool repeated = false, const std::string& file = "/mail/z/x") {
  return {file, "From a@z Thu\n", {wire_a}, repeated};
}
MboxItem item_b(bool repeated = false, const std::string& file = "/mail/z/x") {
  return {file,
          "From b@z Thu\n",
          {std::string_view(wire_b).substr(0, 7), std::string_view(wire_b).substr(7)},
          repeated};
}
/// Two messages for one mailbox, one for another.
std::vector<MboxItem> three_items(bool repeated = false) {
  return {item_a(repeated), item_b(repeated), item_a(repeated, "/mail/z/y")};
}
MboxItem old_item(const std::string& file) { return {file, "From old@z Thu\n", {wire_old}}; }

struct Want {
  std::string file;
  std::string text;
};
const std::vector<Want> three_wants = {
    {"/mail/z/x", text_a}, {"/mail/z/x", text_b}, {"/mail/z/y", text_a}};

/// Whether the message is in the file, whole, where a reader looks for one.
bool is_there(const sim::SimDisk& disk, const Want& want) {
  const std::string found = "\n\n" + disk.contents(want.file).value_or("");
  return found.contains("\n\n" + want.text);
}

void expect_old_ones(const sim::SimDisk& disk, const std::string& when) {
  for (const char* file : {"/mail/z/x", "/mail/z/y"}) {
    EXPECT_TRUE(disk.contents(file).value_or("").starts_with(text_old)) << file << " " << when;
  }
}

void expect_what_was_promised(const sim::SimDisk& disk, const std::vector<Io<>>& results,
                              const std::string& when) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i]) EXPECT_TRUE(is_there(disk, three_wants[i])) << i << " " << when;
  }
}

void expect_all_there(const sim::SimDisk& disk, const std::string& when) {
  for (const Want& want : three_wants)
    EXPECT_TRUE(is_there(disk, want)) << want.file << " " << when;
}

bool nothing_else(const sim::SimDisk& disk, bool with_old) {
  const std::string before = with_old ? text_old : "";
  const std::string x = disk.contents("/mail/z/x").value_or("");
  return (x == before + text_a + text_b || x == before + text_b + text_a) &&
         disk.contents("/mail/z/y") == before + text_a;
}

TEST(mbox, makes_folders_and_files_and_appends) {
  sim::SimDisk disk(1);
  EXPECT_TRUE(all_done(deliver(disk, three_items())));
  EXPECT_EQ(disk.contents("/mail/z/x"), text_a + text_b);
  EXPECT_EQ(disk.contents("/mail/z/y"), text_a);
  EXPECT_TRUE(all_done(deliver(disk, {item_b()})));
  EXPECT_EQ(disk.contents("/mail/z/x"), text_a + text_b + text_b);
}

TEST(mbox, nothing_to_do) {
  sim::SimDisk disk(1);
  EXPECT_TRUE(deliver(disk, {}).empty());
  EXPECT_EQ(disk.operations(), 0u);
}

TEST(mbox, a_batch_for_one_file_costs_one_write_and_one_sync) {
  sim::SimDisk disk(1);
  ASSERT_TRUE(all_done(deliver(disk, {old_item("/m")})));
  disk.record(true);
  ASSERT_TRUE(all_done(deliver(disk, std::vector<MboxItem>(50, item_b(false, "/m")))));
  std::map<DiskOperation, int> count;
  for (const auto& logged : disk.log()) ++count[logged.operation];
  EXPECT_EQ(count[DiskOperation::write], 1);
  EXPECT_EQ(count[DiskOperation::sync], 1);
  EXPECT_EQ(count[DiskOperation::sync_directory], 0);
  EXPECT_EQ(count[DiskOperation::try_lock], 1);
}

TEST(mbox, large_messages_are_written_in_parts) {
  sim::SimDisk disk(1);
  const std::string line(998, 'x');
  std::string wire;
  std::string text = "From a@z Thu\n";
  for (int i = 0; i < 2'000; ++i) {
    wire += line + "\r\n";
    text += line + "\n";
  }
  EXPECT_TRUE(all_done(deliver(disk, {{"/m", "From a@z Thu\n", {wire}}})));
  EXPECT_TRUE(disk.contents("/m") == text + "\n");
}

struct GapCase {
  std::string_view name;
  std::string before;
  std::string want_before;
};

const GapCase gap_cases[] = {
    {"empty", "", ""},
    {"in order", "From x\n\nb\n\n", "From x\n\nb\n\n"},
    {"without a blank line", "From x\n\nb\n", "From x\n\nb\n\n"},
    {"without a line end", "From x\n\nb", "From x\n\nb\n\n"},
    {"one octet", "x", "x\n\n"},
    {"one line end", "\n", "\n\n"},
    {"two line ends", "\n\n", "\n\n"},
};

TEST(mbox, a_blank_line_stands_before_each_message) {
  for (const GapCase& row : gap_cases) {
    sim::SimDisk disk(1);
    disk.put("/m", row.before);
    EXPECT_TRUE(all_done(deliver(disk, {item_b(false, "/m")}))) << row.name;
    EXPECT_EQ(disk.contents("/m"), row.want_before + text_b) << row.name;
  }
}

TEST(mbox, a_locked_file_is_waited_for_and_holds_up_no_other) {
  sim::SimDisk disk(1);
  disk.put("/mail/z/x", text_old);
  auto holder = disk.open("/mail/z/x", sys::OpenMode::read_write);
  ASSERT_EQ((*holder)->try_lock(), true);
  QuickLoop loop;
  const auto results = deliver(disk, loop, three_items());
  ASSERT_FALSE(results[0]);
  EXPECT_EQ(results[0].error().code, IoErrorCode::busy);
  EXPECT_FALSE(results[1]);
  EXPECT_TRUE(results[2]);
  EXPECT_EQ(disk.contents("/mail/z/x"), text_old);
  EXPECT_EQ(loop.sleeps, 19);
  EXPECT_EQ(loop.now() - base::Instant(), std::chrono::milliseconds(950));

  loop.sleeps = 0;
  loop.on_sleep = [&] {
    if (loop.sleeps == 3) holder->reset();
  };
  EXPECT_TRUE(all_done(deliver(disk, loop, {item_a()})));
  EXPECT_EQ(loop.sleeps, 3);
}

TEST(mbox, a_full_disk_fails_one_message_and_not_the_next) {
  sim::SimDisk disk(1);
  disk.put("/m", text_old);
  disk.set_capacity(disk.used() + 8'192);
  const std::string large(100'000, 'x');
  const auto results = deliver(disk, {{"/m", "From l@z Thu\n", {large}}, item_a(false, "/m")});
  ASSERT_FALSE(results[0]);
  EXPECT_EQ(results[0].error().code, IoErrorCode::no_space);
  EXPECT_TRUE(results[1]);
  EXPECT_EQ(disk.contents("/m"), text_old + text_a);
}

TEST(mbox, a_file_that_is_moved_away_meanwhile_is_left) {
  sim::SimDisk disk(1);
  disk.put("/m", text_old);
  disk.set_observer(
      [&, moved = false](DiskOperation operation, const std::string&, std::uint64_t) mutable {
        if (operation != DiskOperation::try_lock || moved) return;
        moved = true;
        ASSERT_TRUE(disk.rename("/m", "/read"));
      });
  EXPECT_TRUE(all_done(deliver(disk, {item_a(false, "/m")})));
  EXPECT_EQ(disk.contents("/read"), text_old);
  EXPECT_EQ(disk.contents("/m"), text_a);
}

struct RepeatCase {
  std::string_view name;
  std::string before;
  std::string want;
};

const std::string half_a = text_a.substr(0, 700);
const std::string hole_a = text_a.substr(0, 512) + std::string(512, '\0') + text_a.substr(1'024);

/// Of `a`, which an earlier attempt may have written.
const RepeatCase repeat_cases[] = {
    {"nothing there", "", text_a},
    {"not there", text_old, text_old + text_a},
    {"whole", text_old + text_a, text_old + text_a},
    {"whole, and nothing else", text_a, text_a},
    {"half", text_old + half_a, text_old + text_a},
    {"half, and nothing else", half_a, text_a},
    {"all but the last octet", text_old + text_a.substr(0, text_a.size() - 1), text_old + text_a},
    {"the first octet", text_old + "F", text_old + text_a},
    {"part of the separator", text_old + "From a@", text_old + text_a},
    {"part of another separator", text_old + "From c@", text_old + "From c@\n\n" + text_a},
    {"octets that a power cut took", text_old + hole_a.substr(0, 1'300), text_old + text_a},
    {"something else behind the half", text_old + half_a + "\n\n" + text_b,
     text_old + half_a + "\n\n" + text_b + text_a},
    {"a whole one, then another", text_a + text_b, text_a + text_b + text_a},
    {"quoted in another message", "From x\n\n>" + text_a, "From x\n\n>" + text_a + text_a},
    {"not behind a blank line", "From x\n" + text_a, "From x\n" + text_a + text_a},
    {"changed by a reader", "From a@z Thu\nStatus: R\nA: 1\n\n\n",
     "From a@z Thu\nStatus: R\nA: 1\n\n\n" + text_a},
    {"half, without a blank line before", "x\n" + half_a, "x\n" + half_a + "\n\n" + text_a},
};

TEST(mbox, a_repeated_message_is_looked_for_at_the_end) {
  for (const RepeatCase& row : repeat_cases) {
    sim::SimDisk disk(1);
    disk.put("/m", row.before);
    EXPECT_TRUE(all_done(deliver(disk, {item_a(true, "/m")}))) << row.name;
    EXPECT_TRUE(disk.contents("/m") == row.want) << row.name;
  }
}

TEST(mbox, a_message_that_nobody_has_tried_is_not_looked_for) {
  sim::SimDisk disk(1);
  disk.put("/m", text_a);
  EXPECT_TRUE(all_done(deliver(disk, {item_a(false, "/m")})));
  EXPECT_EQ(disk.contents("/m"), text_a + text_a);
}

TEST(mbox, several_repeated_messages_in_any_order) {
  sim::SimDisk disk(1);
  disk.put("/mail/z/x", text_old + text_b + text_a);
  EXPECT_TRUE(all_done(deliver(disk, three_items(true))));
  EXPECT_EQ(disk.contents("/mail/z/x"), text_old + text_b + text_a);
  EXPECT_EQ(disk.contents("/mail/z/y"), text_a);
}

TEST(mbox, a_whole_one_and_a_half_one_behind_it) {
  sim::SimDisk disk(1);
  disk.put("/mail/z/x", text_old + text_a + text_b.substr(0, 300));
  EXPECT_TRUE(all_done(deliver(disk, three_items(true))));
  EXPECT_EQ(disk.contents("/mail/z/x"), text_old + text_a + text_b);
}

TEST(mbox, what_is_too_large_to_be_looked_for_is_doubled) {
  for (const std::size_t more : {0u, 1u}) {
    const std::string separator = "From a@z Thu\n";
    const std::string body(mbox_repeat_octets_max - separator.size() - 2 + more, 'x');
    sim::SimDisk disk(1);
    const MboxItem item{"/m", separator, {body}, true};
    ASSERT_TRUE(all_done(deliver(disk, {item})));
    ASSERT_TRUE(all_done(deliver(disk, {item})));
    EXPECT_EQ(disk.contents("/m")->size(), (mbox_repeat_octets_max + more) * (1 + more));
  }
}

TEST(mbox, any_single_fault_leaves_no_half_message) {
  for (std::uint64_t fault = 0;; ++fault) {
    for (const bool exists_already : {false, true}) {
      sim::SimDisk disk(fault);
      if (exists_already) {
        ASSERT_TRUE(all_done(deliver(disk, {old_item("/mail/z/x"), old_item("/mail/z/y")})));
      }
      const std::string when = "fault at " + std::to_string(fault);
      disk.fail_at(fault, {IoErrorCode::failed, 5});
      const auto results = deliver(disk, three_items());
      const bool reached = disk.fault_reached();
      disk.never_fail();
      EXPECT_EQ(reached, !all_done(results)) << when;
      if (exists_already) {
        EXPECT_GE(std::ranges::count(results, true, &Io<>::has_value), 1) << when;
        for (const char* file : {"/mail/z/x", "/mail/z/y"}) {
          const std::string found = disk.contents(file).value_or("");
          const std::string all =
              text_old + (file == three_wants[0].file ? text_a + text_b : text_a);
          EXPECT_TRUE(found == text_old || found == all) << when;
        }
      }
      disk.power_cut();
      expect_what_was_promised(disk, results, when);
      if (exists_already) expect_old_ones(disk, when);
      EXPECT_TRUE(all_done(deliver(disk, three_items(true)))) << when;
      disk.power_cut();
      expect_all_there(disk, when + ", repeated");
      if (!reached && !exists_already) return;
    }
  }
}

TEST(mbox, a_retry_after_a_fault_without_a_power_cut_in_between_is_durable) {
  for (std::uint64_t fault = 0;; ++fault) {
    bool reached = false;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const std::string when = "fault at " + std::to_string(fault) + " " + std::to_string(seed);
      sim::SimDisk disk(seed);
      disk.fail_at(fault, {IoErrorCode::failed, 5});
      const auto results = deliver(disk, three_items());
      reached = disk.fault_reached();
      disk.never_fail();
      std::vector<MboxItem> failed;
      for (std::size_t i = 0; i < results.size(); ++i) {
        if (!results[i]) failed.push_back(three_items(true)[i]);
      }
      ASSERT_TRUE(all_done(deliver(disk, std::move(failed)))) << when;
      EXPECT_TRUE(nothing_else(disk, false)) << when;
      disk.power_cut();
      expect_all_there(disk, when);
    }
    if (!reached) return;
  }
}

/// The power fails just before the n-th operation; or only the process does, and the power after
/// the next delivery.
TEST(mbox, a_crash_at_any_moment_breaks_nothing) {
  for (std::uint64_t crash = 0;; ++crash) {
    bool reached = false;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      for (const bool power : {true, false}) {
        const std::string when = "crash at " + std::to_string(crash) + " " + std::to_string(seed);
        sim::SimDisk disk(seed);
        const bool with_old = seed % 2 == 0;
        if (with_old) {
          disk.put("/mail/z/x", text_old);
          disk.put("/mail/z/y", text_old);
        }
        const std::uint64_t before = disk.operations();
        disk.set_observer([&](DiskOperation, const std::string&, std::uint64_t ordinal) {
          if (ordinal == before + crash) disk.halt();
        });
        const auto results = deliver(disk, three_items());
        reached = disk.halted();
        disk.set_observer({});
        if (power) {
          disk.power_cut();
          expect_what_was_promised(disk, results, when);
        } else {
          disk.kill();
        }
        if (with_old) expect_old_ones(disk, when);
        ASSERT_TRUE(all_done(deliver(disk, three_items(true)))) << when;
        if (!power) EXPECT_TRUE(nothing_else(disk, with_old)) << when;
        disk.power_cut();
        if (with_old) expect_old_ones(disk, when);
        expect_all_there(disk, when + ", repeated");
      }
    }
    if (!reached) return;
  }
}

/// The syncs of each file and folder in turn are left out: some power cut must then find a message
/// missing or broken.
TEST(mbox, every_sync_is_needed) {
  std::set<std::string> synced;
  {
    sim::SimDisk disk(0);
    disk.record(true);
    ASSERT_TRUE(all_done(deliver(disk, three_items())));
    for (const auto& logged : disk.log()) {
      const bool sync = logged.operation == DiskOperation::sync ||
                        logged.operation == DiskOperation::sync_directory;
      if (sync) synced.insert(logged.path);
    }
  }
  ASSERT_EQ(synced.size(), 5u);  // Two files, `/`, mail, z.
  for (const std::string& skipped : synced) {
    bool found = false;
    for (std::uint64_t seed = 0; seed < 50 && !found; ++seed) {
      sim::SimDisk disk(seed);
      disk.set_skip(
          [&](DiskOperation, const std::string& path, std::uint64_t) { return path == skipped; });
      ASSERT_TRUE(all_done(deliver(disk, three_items())));
      disk.power_cut();
      for (const Want& want : three_wants) found |= !is_there(disk, want);
    }
    EXPECT_TRUE(found) << "no power cut shows that a sync is missing: " << skipped;
  }
}

/// What a killed process has made, and not synced, is made durable by the next.
TEST(mbox, the_name_of_an_empty_file_is_not_trusted) {
  bool lost = false;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    for (const bool delivers : {false, true}) {
      sim::SimDisk disk(seed);
      ASSERT_TRUE(disk.make_directory("/mail"));
      ASSERT_TRUE(disk.open("/mail/x", sys::OpenMode::create));
      disk.kill();
      if (delivers) ASSERT_TRUE(all_done(deliver(disk, {item_a(false, "/mail/x")})));
      disk.power_cut();
      if (delivers) EXPECT_EQ(disk.contents("/mail/x"), text_a);
      if (!delivers) lost |= !disk.contents("/mail/x");
    }
  }
  EXPECT_TRUE(lost);
}

}  // namespace
}  // namespace delivery
