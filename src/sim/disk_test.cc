#include "sim/disk.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

#include "base/task.h"

namespace sim {
namespace {

using base::Io;
using base::IoErrorCode;
using sys::OpenMode;

struct Never final : sys::Completion<> {};

std::unique_ptr<sys::File> open(SimDisk& disk, const std::string& path, OpenMode mode) {
  auto file = disk.open(path, mode);
  EXPECT_TRUE(file.has_value()) << path;
  return file ? std::move(*file) : nullptr;
}

Io<> write(sys::File& file, std::uint64_t at, std::string_view octets) {
  Never done;
  const std::string_view pieces[] = {octets};
  return file.write(at, pieces, done).value();
}

Io<> save(sys::File& file) {
  Never done;
  return file.sync(done).value();
}

Io<> sync_directory(SimDisk& disk, const std::string& path) {
  Never done;
  return disk.sync_directory(path, done).value();
}

constexpr std::uint64_t seeds = 300;
constexpr std::size_t sector_test_octets = 3 * 512;

/// What a list of changes may leave behind after a power cut: every outcome over many seeds.
struct SurvivalCase {
  std::string_view name;
  void (*act)(SimDisk&);
  std::set<std::string> want;  ///< As `describe` prints them.
};

/// "a=x b=y": files of the root with their contents.
std::string describe(const SimDisk& disk) {
  std::string out;
  for (const std::string& path : disk.tree()) {
    if (!out.empty()) out += ' ';
    out += path.substr(1);
    if (!path.ends_with('/')) out += "=" + disk.contents(path).value();
  }
  return out;
}

void make(SimDisk& disk, const std::string& path, std::string_view contents) {
  auto file = open(disk, path, OpenMode::create);
  EXPECT_TRUE(write(*file, 0, contents));
}

void make_synced(SimDisk& disk, const std::string& path, std::string_view contents) {
  auto file = open(disk, path, OpenMode::create);
  EXPECT_TRUE(write(*file, 0, contents));
  EXPECT_TRUE(save(*file));
}

const SurvivalCase survival_cases[] = {
    {"content and name are synced",
     [](SimDisk& disk) {
       make_synced(disk, "a", "1");
       EXPECT_TRUE(sync_directory(disk, "/"));
     },
     {"a=1"}},
    {"the name is not synced", [](SimDisk& disk) { make_synced(disk, "a", "1"); }, {"", "a=1"}},
    {"the content is not synced",
     [](SimDisk& disk) {
       make(disk, "a", "1");
       EXPECT_TRUE(sync_directory(disk, "/"));
     },
     {"a=", std::string("a=\0", 3), "a=1"}},
    {"an overwrite without sync",
     [](SimDisk& disk) {
       disk.put("/a", "1");
       EXPECT_TRUE(write(*open(disk, "a", OpenMode::read_write), 0, "2"));
     },
     {"a=1", "a=2"}},
    {"a second overwrite without sync: the system may have written the first",
     [](SimDisk& disk) {
       disk.put("/a", "1");
       EXPECT_TRUE(write(*open(disk, "a", OpenMode::read_write), 0, "2"));
       open(disk, "a", OpenMode::read)->start_writing_out(0, 1);
       EXPECT_TRUE(write(*open(disk, "a", OpenMode::read_write), 0, "3"));
     },
     {"a=1", "a=2", "a=3"}},
    {"unlink without sync",
     [](SimDisk& disk) {
       disk.put("/a", "1");
       EXPECT_TRUE(disk.unlink("a"));
     },
     {"", "a=1"}},
    {"unlink with sync",
     [](SimDisk& disk) {
       disk.put("/a", "1");
       EXPECT_TRUE(disk.unlink("a"));
       EXPECT_TRUE(sync_directory(disk, "/"));
     },
     {""}},
    {"rename without sync is one step",
     [](SimDisk& disk) {
       disk.put("/a", "1");
       EXPECT_TRUE(disk.rename("a", "b"));
     },
     {"a=1", "b=1"}},
    {"rename over a file leaves the old or the new",
     [](SimDisk& disk) {
       disk.put("/a", "old");
       make_synced(disk, "b", "new");
       EXPECT_TRUE(disk.rename("b", "a"));
     },
     {"a=old", "a=old b=new", "a=new"}},
    {"two files, any subset",
     [](SimDisk& disk) {
       make_synced(disk, "a", "1");
       make_synced(disk, "b", "2");
     },
     {"", "a=1", "b=2", "a=1 b=2"}},
    {"a name used twice comes back only in order",
     [](SimDisk& disk) {
       disk.put("/a", "1");
       EXPECT_TRUE(disk.unlink("a"));
       make_synced(disk, "a", "2");
     },
     {"", "a=1", "a=2"}},
    {"rename to another folder: its sync is enough",
     [](SimDisk& disk) {
       disk.put("/tmp/x", "0");
       disk.put("/new/y", "0");
       make_synced(disk, "tmp/a", "1");
       EXPECT_TRUE(disk.rename("tmp/a", "new/a"));
       EXPECT_TRUE(sync_directory(disk, "new"));
     },
     {"new/ new/a=1 new/y=0 tmp/ tmp/x=0"}},
    {"rename to another folder: the sync of the old one is not enough",
     [](SimDisk& disk) {
       disk.put("/t/a", "1");
       disk.put("/n/y", "0");
       EXPECT_TRUE(disk.rename("t/a", "n/a"));
       EXPECT_TRUE(sync_directory(disk, "t"));
     },
     {"n/ n/a=1 n/y=0 t/", "n/ n/y=0 t/ t/a=1"}},
    {"a folder that is not synced goes with what it holds",
     [](SimDisk& disk) {
       EXPECT_TRUE(disk.make_directory("d"));
       make_synced(disk, "d/a", "1");
       EXPECT_TRUE(sync_directory(disk, "d"));
     },
     {"", "d/ d/a=1"}},
    {"truncate without sync",
     [](SimDisk& disk) {
       disk.put("/a", "12");
       EXPECT_TRUE(open(disk, "a", OpenMode::read_write)->truncate(1));
     },
     // The octet behind the new end and the size are saved apart.
     {"a=1", "a=12", std::string("a=1\0", 4)}},
};

TEST(SimDisk, a_power_cut_leaves_any_subset_of_what_was_not_synced) {
  for (const SurvivalCase& row : survival_cases) {
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      SimDisk disk(seed);
      row.act(disk);
      disk.power_cut();
      seen.insert(describe(disk));
    }
    EXPECT_EQ(seen, row.want) << row.name;
  }
}

TEST(SimDisk, everything_is_there_without_a_power_cut) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimDisk disk(seed);
    make(disk, "a", "1");
    disk.kill();
    EXPECT_EQ(describe(disk), "a=1");
  }
}

TEST(SimDisk, sectors_are_torn_apart_but_not_in_themselves) {
  std::set<std::string> seen;
  const std::string old_octets(sector_test_octets, 'o');
  const std::string new_octets(sector_test_octets, 'n');
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SimDisk disk(seed);
    disk.put("/a", old_octets);
    EXPECT_TRUE(write(*open(disk, "a", OpenMode::read_write), 0, new_octets));
    disk.power_cut();
    const std::string left = disk.contents("/a").value();
    ASSERT_EQ(left.size(), sector_test_octets);
    std::string shape;
    for (std::size_t at = 0; at < left.size(); at += 512) {
      EXPECT_EQ(left.substr(at, 512), std::string(512, left[at]));
      shape += left[at];
    }
    seen.insert(shape);
  }
  EXPECT_EQ(seen.size(), 8u) << "each subset of three sectors";
}

TEST(SimDisk, a_failed_sync_loses_although_reads_show_it_and_later_syncs_succeed) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SimDisk disk(seed);
    disk.put("/a", "1");
    auto file = open(disk, "a", OpenMode::read_write);
    EXPECT_TRUE(write(*file, 0, "2"));
    disk.fail_syncs(1'000);
    EXPECT_EQ(save(*file).error().system_error, EIO);
    disk.fail_syncs(0);
    EXPECT_TRUE(save(*file));
    EXPECT_EQ(describe(disk), "a=2");
    disk.power_cut();
    seen.insert(describe(disk));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"a=1", "a=2"}));
}

TEST(SimDisk, what_is_written_anew_after_a_failed_sync_can_be_synced) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimDisk disk(seed);
    disk.put("/a", "1");
    auto file = open(disk, "a", OpenMode::read_write);
    EXPECT_TRUE(write(*file, 0, "2"));
    disk.fail_at(0, {IoErrorCode::failed, EIO});
    EXPECT_FALSE(save(*file));
    EXPECT_TRUE(disk.fault_reached());
    EXPECT_TRUE(write(*file, 0, "3"));
    EXPECT_TRUE(save(*file));
    disk.power_cut();
    EXPECT_EQ(describe(disk), "a=3");
  }
}

TEST(SimDisk, a_failed_sync_of_a_folder_loses_names) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SimDisk disk(seed);
    make_synced(disk, "a", "1");
    disk.fail_syncs(1'000);
    EXPECT_FALSE(sync_directory(disk, "/"));
    disk.fail_syncs(0);
    EXPECT_TRUE(sync_directory(disk, "/"));
    EXPECT_EQ(describe(disk), "a=1");
    disk.power_cut();
    seen.insert(describe(disk));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"", "a=1"}));
}

TEST(SimDisk, skipped_syncs_report_success_without_effect) {
  bool lost = false;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimDisk disk(seed);
    disk.set_skip([](DiskOperation operation, const std::string& path, std::uint64_t) {
      return operation == DiskOperation::sync_directory && path == "/";
    });
    make_synced(disk, "a", "1");
    EXPECT_TRUE(sync_directory(disk, "/"));
    disk.power_cut();
    lost = lost || describe(disk).empty();
  }
  EXPECT_TRUE(lost);
}

TEST(SimDisk, a_full_disk_takes_a_part_and_room_comes_back) {
  SimDisk disk(1);
  disk.set_capacity(8'192);
  auto file = open(disk, "a", OpenMode::create);
  EXPECT_TRUE(file->allocate(8'192));
  EXPECT_EQ(file->allocate(8'193).error().code, IoErrorCode::no_space);
  EXPECT_TRUE(write(*file, 0, std::string(8'192, 'x')));
  EXPECT_EQ(write(*file, 8'192, "x").error().code, IoErrorCode::no_space);
  EXPECT_EQ(file->size(), 8'192u);
  EXPECT_TRUE(disk.unlink("a"));
  EXPECT_EQ(disk.used(), 8'192u) << "still open";
  file.reset();
  EXPECT_EQ(disk.used(), 0u);
  make(disk, "b", std::string(100, 'x'));
  EXPECT_EQ(disk.used(), 4'096u);
}

TEST(SimDisk, each_operation_can_be_made_to_fail) {
  const auto act = [](SimDisk& disk) -> Io<> {
    auto file = disk.open("a", OpenMode::append);
    if (!file) return std::unexpected(file.error());
    if (Io<> done = write(**file, 0, "1"); !done) return done;
    if (Io<> done = save(**file); !done) return done;
    if (Io<> done = disk.rename("a", "b"); !done) return done;
    return sync_directory(disk, "/");
  };
  std::uint64_t n = 0;
  for (;; ++n) {
    SimDisk disk(n);
    disk.fail_at(n, {IoErrorCode::no_space, ENOSPC});
    const Io<> done = act(disk);
    if (!disk.fault_reached()) break;
    EXPECT_EQ(done.error().code, IoErrorCode::no_space) << n;
  }
  EXPECT_EQ(n, 5u);
}

TEST(SimDisk, a_halted_disk_changes_nothing_and_old_files_are_dead_afterwards) {
  SimDisk disk(1);
  auto file = open(disk, "a", OpenMode::create);
  EXPECT_EQ(file->try_lock(), true);
  EXPECT_EQ(open(disk, "a", OpenMode::read_write)->try_lock(), false);
  disk.halt();
  EXPECT_EQ(write(*file, 0, "1").error().code, IoErrorCode::cancelled);
  EXPECT_EQ(disk.unlink("a").error().code, IoErrorCode::cancelled);
  disk.kill();
  EXPECT_EQ(describe(disk), "a=");
  EXPECT_EQ(write(*file, 0, "1").error().code, IoErrorCode::cancelled);
  auto again = open(disk, "a", OpenMode::read_write);
  EXPECT_EQ(again->try_lock(), true);
  file.reset();
  EXPECT_EQ(open(disk, "a", OpenMode::read_write)->try_lock(), false) << "the new lock stays";
}

struct ErrorCase {
  std::string_view name;
  Io<> (*act)(SimDisk&);
  IoErrorCode want;
};

template <class T>
Io<> only_error(const Io<T>& result) {
  if (result) return {};
  return std::unexpected(result.error());
}

const ErrorCase error_cases[] = {
    {"read what is not there",
     [](SimDisk& disk) { return only_error(disk.open("x", OpenMode::read)); },
     IoErrorCode::not_found},
    {"create what is there",
     [](SimDisk& disk) { return only_error(disk.open("d/a", OpenMode::create)); },
     IoErrorCode::exists},
    {"create in no folder",
     [](SimDisk& disk) { return only_error(disk.open("x/a", OpenMode::create)); },
     IoErrorCode::not_found},
    {"create below a file",
     [](SimDisk& disk) { return only_error(disk.open("d/a/b", OpenMode::append)); },
     IoErrorCode::not_found},
    {"write to a folder",
     [](SimDisk& disk) { return only_error(disk.open("d", OpenMode::read_write)); },
     IoErrorCode::failed},
    {"write to a file opened for reading",
     [](SimDisk& disk) { return write(*open(disk, "d/a", OpenMode::read), 0, "x"); },
     IoErrorCode::failed},
    {"rename what is not there", [](SimDisk& disk) { return disk.rename("x", "y"); },
     IoErrorCode::not_found},
    {"rename into no folder", [](SimDisk& disk) { return disk.rename("d/a", "x/y"); },
     IoErrorCode::not_found},
    {"rename over a folder", [](SimDisk& disk) { return disk.rename("d/a", "d"); },
     IoErrorCode::failed},
    {"unlink what is not there", [](SimDisk& disk) { return disk.unlink("x"); },
     IoErrorCode::not_found},
    {"unlink a folder", [](SimDisk& disk) { return disk.unlink("d"); }, IoErrorCode::failed},
    {"make a folder twice", [](SimDisk& disk) { return disk.make_directory("d"); },
     IoErrorCode::exists},
    {"make the root", [](SimDisk& disk) { return disk.make_directory("/"); }, IoErrorCode::exists},
    {"list a file", [](SimDisk& disk) { return only_error(disk.list("d/a")); },
     IoErrorCode::not_found},
    {"list what is not there", [](SimDisk& disk) { return only_error(disk.list("x")); },
     IoErrorCode::not_found},
    {"sync a folder that is not there", [](SimDisk& disk) { return sync_directory(disk, "x"); },
     IoErrorCode::not_found},
    {"a name of 256 octets",
     [](SimDisk& disk) { return only_error(disk.open(std::string(256, 'n'), OpenMode::create)); },
     IoErrorCode::failed},
};

TEST(SimDisk, errors_are_those_of_a_file_system) {
  for (const ErrorCase& row : error_cases) {
    SimDisk disk(1);
    disk.put("/d/a", "1");
    const Io<> result = row.act(disk);
    ASSERT_FALSE(result) << row.name;
    EXPECT_EQ(result.error().code, row.want) << row.name;
    EXPECT_EQ(describe(disk), "d/ d/a=1") << row.name;
  }
}

TEST(SimDisk, reads_end_at_the_end_and_holes_are_zeros) {
  SimDisk disk(1);
  auto file = open(disk, "a", OpenMode::create);
  EXPECT_TRUE(write(*file, 1'000, "xyz"));
  std::string into(10, '?');
  EXPECT_EQ(file->read(998, into), 5u);
  EXPECT_EQ(into, std::string("\0\0xyz?????", 10));
  EXPECT_EQ(file->read(1'003, into), 0u);
  EXPECT_EQ(file->read(5'000, into), 0u);
  EXPECT_EQ(file->size(), 1'003u);
  EXPECT_TRUE(file->truncate(1'001));
  EXPECT_TRUE(file->truncate(1'003));
  EXPECT_EQ(file->read(1'000, into), 3u);
  EXPECT_EQ(into.substr(0, 3), std::string("x\0\0", 3)) << "what was cut off is gone";
}

TEST(SimDisk, append_writes_at_the_end_wherever_it_is_told) {
  SimDisk disk(1);
  auto file = open(disk, "a", OpenMode::append);
  EXPECT_TRUE(write(*file, 0, "1"));
  EXPECT_TRUE(write(*file, 0, "2"));
  EXPECT_EQ(disk.contents("a"), "12");
}

TEST(SimDisk, list_is_sorted) {
  SimDisk disk(1);
  for (const char* name : {"b", "c", "a"}) make(disk, name, "");
  EXPECT_TRUE(disk.make_directory("bb"));
  std::string names;
  const auto entries = disk.list(".").value();
  for (const sys::DirectoryEntry& entry : entries)
    names += entry.name + (entry.is_directory ? "/ " : " ");
  EXPECT_EQ(names, "a b bb/ c ");
}

TEST(SimDisk, the_log_names_each_operation) {
  SimDisk disk(1);
  disk.record(true);
  make_synced(disk, "a", "1");
  std::string text;
  for (const SimDisk::Logged& one : disk.log())
    text += std::string(to_string(one.operation)) + ":" + one.path + " ";
  EXPECT_EQ(text, "open:a write:a sync:a ");
}

TEST(SimDisk, damage_is_durable) {
  SimDisk disk(1);
  disk.put("/a", "abc");
  disk.damage("/a", 1, 0x20);
  disk.power_cut();
  EXPECT_EQ(disk.contents("a"), "aBc");
}

}  // namespace
}  // namespace sim
