#include "delivery/maildir.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/group.h"
#include "delivery/maildir_content.h"
#include "sim/disk.h"

namespace delivery {
namespace {

using namespace std::string_literals;
using base::Io;
using base::IoErrorCode;
using sim::DiskOperation;

base::Task<> run_into(sys::Disk& disk, std::vector<MaildirItem> items, std::vector<Io<>>& out) {
  out = co_await deliver_batch(disk, std::move(items));
}

/// The simulated disk completes at once, so the task has ended when spawn() returns.
std::vector<Io<>> deliver(sys::Disk& disk, std::vector<MaildirItem> items) {
  std::vector<Io<>> out;
  base::Group group;
  group.spawn(run_into(disk, std::move(items), out));
  EXPECT_EQ(group.size(), 0u);
  return out;
}

bool all_done(const std::vector<Io<>>& results) {
  return std::ranges::all_of(results, [](const Io<>& result) { return result.has_value(); });
}

bool contains(const std::vector<std::string>& tree, const std::string& path) {
  return std::ranges::find(tree, path) != tree.end();
}

// Longer than a sector, so that a power cut can tear it.
const std::string body_a = "A: 1\n\n" + std::string(1'500, 'a') + "\n";
const std::string body_b = "B: 1\n\n" + std::string(700, 'b') + "\n";
const std::string wire_a = "A: 1\r\n\r\n" + std::string(1'500, 'a') + "\r\n";
const std::string wire_b = "B: 1\r\n\r\n" + std::string(700, 'b') + "\r\n";

/// Two messages for one mailbox, one for another that does not exist yet either.
std::vector<MaildirItem> three_items() {
  return {{"/mail/z.test/x", "m1.x", {wire_a}},
          {"/mail/z.test/x", "m2.x", {wire_b}},
          {"/mail/z.test/y",
           "m1.y",
           {std::string_view(wire_a).substr(0, 5), std::string_view(wire_a).substr(5)}}};
}
const std::map<std::string, std::string> three_files = {{"/mail/z.test/x/new/m1.x", body_a},
                                                        {"/mail/z.test/x/new/m2.x", body_b},
                                                        {"/mail/z.test/y/new/m1.y", body_a}};

void expect_all_there(const sim::SimDisk& disk, std::string_view when) {
  for (const auto& [path, body] : three_files) {
    EXPECT_EQ(disk.contents(path).value_or("missing"), body) << path << " " << when;
  }
}

/// Whatever is shown in a `new` is whole.
void expect_nothing_broken(const sim::SimDisk& disk, std::string_view when) {
  for (const auto& [path, body] : three_files) {
    const auto found = disk.contents(path);
    if (found) EXPECT_EQ(*found, body) << path << " " << when;
  }
}

void expect_what_was_promised(const sim::SimDisk& disk, const std::vector<Io<>>& results,
                              const std::string& when) {
  expect_nothing_broken(disk, when);
  const std::vector<MaildirItem> items = three_items();
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i]) continue;
    const std::string path = items[i].directory + "/new/" + items[i].unique_name;
    EXPECT_TRUE(disk.contents(path)) << path << " " << when;
  }
}

bool tmp_is_empty(const sim::SimDisk& disk) {
  return std::ranges::none_of(disk.tree(), [](const std::string& path) {
    return path.contains("/tmp/") && !path.ends_with("/");
  });
}

TEST(maildir, makes_the_folders_and_stores_with_lf) {
  sim::SimDisk disk(1);
  EXPECT_TRUE(all_done(deliver(disk, three_items())));
  expect_all_there(disk, "after delivery");
  EXPECT_TRUE(tmp_is_empty(disk));
  for (const char* folder : {"/mail/z.test/x/cur/", "/mail/z.test/x/tmp/", "/mail/z.test/y/cur/"}) {
    EXPECT_TRUE(contains(disk.tree(), folder)) << folder;
  }
}

TEST(maildir, a_repeated_delivery_replaces) {
  sim::SimDisk disk(1);
  EXPECT_TRUE(all_done(deliver(disk, three_items())));
  const auto before = disk.tree();
  EXPECT_TRUE(all_done(deliver(disk, three_items())));
  EXPECT_EQ(disk.tree(), before);
  expect_all_there(disk, "after the second delivery");
}

TEST(maildir, what_a_crash_left_in_tmp_is_replaced) {
  sim::SimDisk disk(1);
  disk.put("/mail/z.test/x/tmp/m1.x", "half");
  EXPECT_TRUE(all_done(deliver(disk, three_items())));  // `new` is missing there, too.
  expect_all_there(disk, "after delivery");
  EXPECT_TRUE(tmp_is_empty(disk));
}

TEST(maildir, one_name_twice_in_a_batch_is_refused) {
  sim::SimDisk disk(1);
  const auto results = deliver(disk, {{"/m", "a", {wire_a}}, {"/m", "a", {wire_b}}});
  EXPECT_TRUE(results[0]);
  ASSERT_FALSE(results[1]);
  EXPECT_EQ(results[1].error().code, IoErrorCode::busy);
  EXPECT_EQ(disk.contents("/m/new/a"), body_a);
}

TEST(maildir, nothing_to_do) {
  sim::SimDisk disk(1);
  EXPECT_TRUE(deliver(disk, {}).empty());
  EXPECT_EQ(disk.operations(), 0u);
}

TEST(maildir, a_large_batch_costs_one_sync_a_file_and_one_for_the_folder) {
  sim::SimDisk disk(1);
  ASSERT_TRUE(all_done(deliver(disk, {{"/mail/x", "first", {wire_a}}})));
  std::vector<MaildirItem> items;
  for (int i = 0; i < 100; ++i) items.push_back({"/mail/x", std::to_string(i), {wire_b}});
  disk.record(true);
  ASSERT_TRUE(all_done(deliver(disk, std::move(items))));
  std::map<DiskOperation, int> count;
  for (const auto& logged : disk.log()) ++count[logged.operation];
  const std::map<DiskOperation, int> want = {{DiskOperation::open, 100},
                                             {DiskOperation::write, 100},
                                             {DiskOperation::sync, 100},
                                             {DiskOperation::rename, 100},
                                             {DiskOperation::sync_directory, 1}};
  EXPECT_EQ(count, want);
}

TEST(maildir, when_no_more_files_may_be_open_those_that_are_go_first) {
  sim::SimDisk disk(1);
  ASSERT_TRUE(all_done(deliver(disk, {{"/m", "first", {wire_a}}})));
  std::vector<MaildirItem> items;
  for (int i = 0; i < 10; ++i) items.push_back({"/m", std::to_string(i), {wire_b}});
  disk.fail_at(8, {IoErrorCode::no_descriptors, 0});  // The fifth file: each has an open, a write.
  EXPECT_TRUE(all_done(deliver(disk, std::move(items))));
  EXPECT_TRUE(disk.fault_reached());
  EXPECT_EQ(disk.contents("/m/new/4"), body_b);
}

/// A disk that syncs many files in one step.
class OneStepDisk final : public sys::Disk {
 public:
  explicit OneStepDisk(sys::Disk& disk) : disk_(disk) {}
  Io<std::unique_ptr<sys::File>> open(const std::string& path, sys::OpenMode mode) override {
    return disk_.open(path, mode);
  }
  Io<> rename(const std::string& from, const std::string& to) override {
    return disk_.rename(from, to);
  }
  Io<> unlink(const std::string& path) override { return disk_.unlink(path); }
  Io<> make_directory(const std::string& path) override { return disk_.make_directory(path); }
  Io<std::vector<sys::DirectoryEntry>> list(const std::string& path) override {
    return disk_.list(path);
  }
  Io<bool> exists(const std::string& path) override { return disk_.exists(path); }
  sys::Now<> sync_directory(const std::string& path, sys::Completion<>& done) override {
    return disk_.sync_directory(path, done);
  }
  std::optional<Io<>> sync_together(std::span<sys::File* const> files) override {
    files_synced += files.size();
    return result;
  }

  Io<> result;
  std::size_t files_synced = 0;

 private:
  sys::Disk& disk_;
};

TEST(maildir, files_that_are_synced_together_are_not_synced_each) {
  sim::SimDisk disk(1);
  OneStepDisk one_step(disk);
  disk.record(true);
  ASSERT_TRUE(all_done(deliver(one_step, three_items())));
  EXPECT_EQ(one_step.files_synced, 3u);
  for (const auto& logged : disk.log()) EXPECT_NE(logged.operation, DiskOperation::sync);
}

TEST(maildir, when_a_sync_of_all_fails_none_is_delivered) {
  sim::SimDisk disk(1);
  OneStepDisk one_step(disk);
  one_step.result = base::io_error(IoErrorCode::failed, 5);
  for (const Io<>& result : deliver(one_step, three_items())) EXPECT_FALSE(result);
  EXPECT_TRUE(tmp_is_empty(disk));
}

TEST(maildir, a_full_disk_fails_one_item_and_not_the_next) {
  sim::SimDisk disk(1);
  ASSERT_TRUE(all_done(deliver(disk, {{"/m", "first", {wire_a}}})));
  disk.set_capacity(disk.used() + 8'192);
  const std::string large(100'000, 'x');
  const auto results = deliver(disk, {{"/m", "large", {large}}, {"/m", "small", {wire_a}}});
  ASSERT_FALSE(results[0]);
  EXPECT_EQ(results[0].error().code, IoErrorCode::no_space);
  EXPECT_FALSE(disk.contents("/m/new/large"));
  EXPECT_TRUE(tmp_is_empty(disk));
}

TEST(maildir, any_single_fault_spares_the_others_and_leaves_nothing_behind) {
  for (std::uint64_t fault = 0;; ++fault) {
    for (const bool exists_already : {false, true}) {
      sim::SimDisk disk(fault);
      if (exists_already) {
        ASSERT_TRUE(all_done(
            deliver(disk, {{"/mail/z.test/x", "old", {wire_a}}, {"/mail/z.test/y", "old", {}}})));
      }
      const std::string when = "fault at " + std::to_string(fault);
      disk.fail_at(fault, {IoErrorCode::failed, 5});
      const auto results = deliver(disk, three_items());
      const bool reached = disk.fault_reached();
      disk.never_fail();
      EXPECT_EQ(reached, !all_done(results)) << when;
      if (exists_already) {
        EXPECT_GE(std::ranges::count(results, true, &Io<>::has_value), 1) << when;
      }
      EXPECT_TRUE(tmp_is_empty(disk)) << when;
      disk.power_cut();
      expect_what_was_promised(disk, results, when);
      EXPECT_TRUE(all_done(deliver(disk, three_items()))) << when;
      disk.power_cut();
      expect_all_there(disk, when + ", repeated");
      if (!reached && !exists_already) return;
    }
  }
}

TEST(maildir, a_retry_after_a_fault_without_a_power_cut_in_between_is_durable) {
  for (std::uint64_t fault = 0;; ++fault) {
    bool reached = false;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      sim::SimDisk disk(seed);
      disk.fail_at(fault, {IoErrorCode::failed, 5});
      (void)deliver(disk, three_items());
      reached = disk.fault_reached();
      disk.never_fail();
      ASSERT_TRUE(all_done(deliver(disk, three_items()))) << fault;
      disk.power_cut();
      expect_all_there(disk, "fault at " + std::to_string(fault));
    }
    if (!reached) return;
  }
}

/// The power fails just before the n-th operation; or only the process does, and the power after
/// the next delivery.
TEST(maildir, a_crash_at_any_moment_breaks_nothing) {
  for (std::uint64_t crash = 0;; ++crash) {
    bool reached = false;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      for (const bool power : {true, false}) {
        const std::string when = "crash at " + std::to_string(crash) + " " + std::to_string(seed);
        sim::SimDisk disk(seed);
        disk.set_observer([&](DiskOperation, const std::string&, std::uint64_t ordinal) {
          if (ordinal == crash) disk.halt();
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
        ASSERT_TRUE(all_done(deliver(disk, three_items()))) << when;
        disk.power_cut();
        expect_all_there(disk, when + ", repeated");
      }
    }
    if (!reached) return;
  }
}

/// The syncs of each file and folder in turn are left out: some power cut must then find a mail or
/// a folder missing or broken.
TEST(maildir, every_sync_is_needed) {
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
  ASSERT_EQ(synced.size(), 10u);  // Three files, `/`, mail, z.test, two mailboxes, two `new`.
  for (const std::string& skipped : synced) {
    bool found = false;
    for (std::uint64_t seed = 0; seed < 50 && !found; ++seed) {
      sim::SimDisk disk(seed);
      disk.set_skip(
          [&](DiskOperation, const std::string& path, std::uint64_t) { return path == skipped; });
      ASSERT_TRUE(all_done(deliver(disk, three_items())));
      disk.power_cut();
      for (const auto& [path, body] : three_files) found |= disk.contents(path) != body;
      for (const char* box : {"x", "y"}) {
        found |= !contains(disk.tree(), "/mail/z.test/"s + box + "/cur/");
      }
    }
    EXPECT_TRUE(found) << "no power cut shows that a sync is missing: " << skipped;
  }
}

struct LineEndCase {
  std::string_view name;
  std::string in;
  std::string want;
};

const LineEndCase line_end_cases[] = {
    {"empty", "", ""},
    {"CRLF", "a\r\nb\r\n", "a\nb\n"},
    {"no line end", "abc", "abc"},
    {"LF stays", "a\nb\n", "a\nb\n"},
    {"CR stays", "a\rb", "a\rb"},
    {"CR at the end stays", "ab\r", "ab\r"},
    {"CR CR LF", "a\r\r\nb", "a\r\nb"},
    {"CRLF CRLF", "\r\n\r\n", "\n\n"},
    {"CRs alone", "\r\r\r", "\r\r\r"},
    {"LF CR", "\n\r", "\n\r"},
    {"NUL", "a\0\r\n"s, "a\0\n"s},
};

std::string converted(const std::vector<std::string_view>& pieces) {
  LfContent content(pieces);
  std::string out;
  std::string block;
  while (content.next(block)) {
    EXPECT_LE(block.size(), 2 * LfContent::block_octets);
    out += block;
  }
  return out;
}

TEST(maildir, line_ends_become_lf_wherever_the_content_is_cut) {
  for (const LineEndCase& row : line_end_cases) {
    const std::string_view in = row.in;
    for (std::size_t cut = 0; cut <= in.size(); ++cut) {
      EXPECT_EQ(converted({in.substr(0, cut), "", in.substr(cut)}), row.want) << row.name;
    }
    std::vector<std::string_view> octets;
    for (std::size_t i = 0; i < in.size(); ++i) octets.push_back(in.substr(i, 1));
    EXPECT_EQ(converted(octets), row.want) << row.name;
  }
}

TEST(maildir, line_ends_of_a_stream) {
  for (const LineEndCase& row : line_end_cases) {
    for (std::size_t cut = 0; cut <= row.in.size(); ++cut) {
      LfStream stream;
      std::string out;
      stream.convert(std::string_view(row.in).substr(0, cut), out);
      stream.convert("", out);
      stream.convert(std::string_view(row.in).substr(cut), out);
      stream.finish(out);
      EXPECT_EQ(out, row.want) << row.name;
    }
  }
}

TEST(maildir, line_ends_at_the_border_of_a_block) {
  for (std::size_t before = LfContent::block_octets - 3; before < LfContent::block_octets + 3;
       ++before) {
    const std::string line(before, 'x');
    EXPECT_EQ(converted({line + "\r\n" + line + "\r\n"}), line + "\n" + line + "\n");
  }
}

struct ComponentCase {
  std::string_view name;
  std::string in;
  std::string want;
};

const ComponentCase component_cases[] = {
    {"plain", "alice", "alice"},
    {"case is kept", "Alice.B+c", "Alice.B+c"},
    {"slash", "a/b", "a%2Fb"},
    {"dot", ".", "%2E"},
    {"dot dot", "..", "%2E."},
    {"dot in front", ".ssh", "%2Essh"},
    {"up and away", "../../etc", "%2E.%2F..%2Fetc"},
    {"percent", "a%2Fb", "a%252Fb"},
    {"NUL", "a\0b"s, "a%00b"},
    {"controls", "a\n\x7f", "a%0A%7F"},
    {"space", "a b", "a b"},
    {"UTF-8 is kept", "\xc3\xa4", "\xc3\xa4"},
    {"not UTF-8", "\xe4", "%E4"},
    {"a name of braces", "{domain}", "{domain}"},
};

TEST(maildir, components_are_safe_file_names) {
  for (const ComponentCase& row : component_cases) {
    EXPECT_EQ(encoded_component(row.in), row.want) << row.name;
  }
}

TEST(maildir, components_are_one_to_one) {
  std::set<std::string> seen;
  for (int first = 0; first < 256; ++first) {
    for (int second = -1; second < 256; ++second) {
      std::string name(1, static_cast<char>(first));
      if (second >= 0) name += static_cast<char>(second);
      EXPECT_TRUE(seen.insert(encoded_component(name)).second);
    }
  }
}

TEST(maildir, directories_follow_the_pattern) {
  EXPECT_EQ(mailbox_directory("/var/mail/{domain}/{local}", "a", "z.test"), "/var/mail/z.test/a");
  EXPECT_EQ(mailbox_directory("/{local}@{domain}/{x}{local", "a", "z"), "/a@z/{x}{local");
  EXPECT_EQ(mailbox_directory("/m/{local}", "{domain}", "z"), "/m/{domain}");
  EXPECT_EQ(mailbox_directory("/m/{local}", "../x", "z"), "/m/%2E.%2Fx");
  EXPECT_EQ(mailbox_directory("/one/for/all", "a", "z"), "/one/for/all");
}

TEST(maildir, a_component_of_256_octets_is_no_mailbox) {
  EXPECT_TRUE(mailbox_directory("/m/{local}", std::string(255, 'a'), "z"));
  EXPECT_FALSE(mailbox_directory("/m/{local}", std::string(256, 'a'), "z"));
  EXPECT_TRUE(mailbox_directory("/m/{local}", std::string(252, 'a') + "/", "z"));
  EXPECT_FALSE(mailbox_directory("/m/{local}", std::string(253, 'a') + "/", "z"));
}

}  // namespace
}  // namespace delivery
