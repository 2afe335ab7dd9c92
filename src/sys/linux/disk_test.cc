#include "sys/linux/disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "sys/linux/runner.h"

namespace sys::real {
namespace {

using base::Io;
using base::IoErrorCode;

/// What a blocking operation gave: always at once.
Io<> done(const Now<>& now) {
  EXPECT_TRUE(now.has_value());
  return now.value_or(base::io_error(IoErrorCode::failed));
}

IoErrorCode code(const auto& io) { return io ? IoErrorCode::cancelled : io.error().code; }

class RealDiskTest : public testing::Test {
 protected:
  std::unique_ptr<File> open(const std::string& name, OpenMode mode) {
    auto file = disk->open(folder / name, mode);
    EXPECT_TRUE(file) << name;
    return file ? std::move(*file) : nullptr;
  }
  Io<> write(File& file, std::uint64_t at, std::vector<std::string_view> pieces) {
    return done(file.write(at, pieces, unused));
  }
  std::string content(const std::string& name) {
    return read_file(*disk, folder / name, 1 << 24).value_or("(none)");
  }

  TemporaryFolder folder;
  std::unique_ptr<Disk> disk = make_disk();
  Completion<> unused;
};

TEST_F(RealDiskTest, writes_pieces_one_behind_the_other) {
  const auto file = open("f", OpenMode::create);
  EXPECT_TRUE(write(*file, 0, {"ab", "", "cde", ""}));
  EXPECT_TRUE(write(*file, 5, {}));
  EXPECT_TRUE(write(*file, 4, {"EF"}));
  EXPECT_TRUE(done(file->sync(unused)));
  EXPECT_EQ(content("f"), "abcdEF");
  EXPECT_EQ(file->size(), 6u);
}

TEST_F(RealDiskTest, syncs_many_files_together_where_that_is_possible) {
  std::vector<std::unique_ptr<File>> files;
  std::vector<File*> all;
  for (int i = 0; i < 8; ++i) {
    files.push_back(open("f" + std::to_string(i), OpenMode::create));
    EXPECT_TRUE(write(*files.back(), 0, {"text"}));
    all.push_back(files.back().get());
  }
  EXPECT_TRUE(disk->sync_together(all).value_or(Io<>()));
  // So few are synced one by one.
  EXPECT_FALSE(disk->sync_together(std::span(all).first(2)));
}

TEST_F(RealDiskTest, files_of_two_file_systems_are_not_synced_together) {
  std::vector<std::unique_ptr<File>> files;
  std::vector<File*> all;
  for (int i = 0; i < 8; ++i) {
    files.push_back(open("f" + std::to_string(i), OpenMode::create));
    all.push_back(files.back().get());
  }
  const auto elsewhere = disk->open("/proc/self/stat", OpenMode::read);
  ASSERT_TRUE(elsewhere);
  all.push_back(elsewhere->get());
  EXPECT_FALSE(disk->sync_together(all));
}

TEST_F(RealDiskTest, writes_more_pieces_than_one_call_takes) {
  const auto file = open("f", OpenMode::create);
  std::string want;
  std::vector<std::string> texts;
  for (int i = 0; i < 3'000; ++i) texts.push_back(std::to_string(i));
  for (const std::string& text : texts) want += text;
  EXPECT_TRUE(write(*file, 0, {texts.begin(), texts.end()}));
  EXPECT_EQ(content("f"), want);
}

TEST_F(RealDiskTest, reads_less_only_at_the_end) {
  const auto file = open("f", OpenMode::create);
  EXPECT_TRUE(write(*file, 0, {"abcdef"}));
  char into[4];
  EXPECT_EQ(file->read(0, into), 4u);
  EXPECT_EQ(file->read(4, into), 2u);
  EXPECT_EQ(file->read(6, into), 0u);
}

TEST_F(RealDiskTest, create_needs_a_new_name_and_makes_it_private) {
  (void)open("f", OpenMode::create);
  EXPECT_EQ(code(disk->open(folder / "f", OpenMode::create)), IoErrorCode::exists);
  struct stat status{};
  ASSERT_EQ(::stat((folder / "f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(RealDiskTest, other_modes_need_a_file) {
  EXPECT_EQ(code(disk->open(folder / "f", OpenMode::read)), IoErrorCode::not_found);
  EXPECT_EQ(code(disk->open(folder / "f", OpenMode::read_write)), IoErrorCode::not_found);
  EXPECT_EQ(code(disk->open(folder.path(), OpenMode::read)), IoErrorCode::failed) << "a folder";
}

TEST_F(RealDiskTest, append_goes_to_the_end_whatever_the_place) {
  const auto one = open("log", OpenMode::append);
  const auto two = open("log", OpenMode::append);
  EXPECT_TRUE(write(*one, 0, {"a"}));
  EXPECT_TRUE(write(*two, 0, {"b", "c"}));
  EXPECT_TRUE(write(*one, 0, {"d"}));
  EXPECT_EQ(content("log"), "abcd");
}

TEST_F(RealDiskTest, allocated_room_reads_as_zeros_and_keeps_what_is_there) {
  const auto file = open("f", OpenMode::create);
  EXPECT_TRUE(write(*file, 0, {"abc"}));
  EXPECT_TRUE(file->allocate(8));
  EXPECT_EQ(content("f"), std::string("abc\0\0\0\0\0", 8));
  EXPECT_TRUE(file->allocate(2)) << "never shrinks";
  EXPECT_EQ(file->size(), 8u);
  EXPECT_TRUE(file->truncate(2));
  EXPECT_EQ(content("f"), "ab");
}

/// Whether another process would get the lock that a mail reader takes.
bool reader_may_lock(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  // One of the open file is refused where one of another process would be.
  const int result = ::fcntl(fd, F_OFD_SETLK, &whole);
  ::close(fd);
  return result == 0;
}

TEST_F(RealDiskTest, mail_readers_heed_the_lock_of_a_file_open_for_writing) {
  auto one = open("mbox", OpenMode::create);
  EXPECT_TRUE(reader_may_lock(folder / "mbox"));
  EXPECT_EQ(one->try_lock(), true);
  EXPECT_FALSE(reader_may_lock(folder / "mbox"));
  one.reset();
  EXPECT_TRUE(reader_may_lock(folder / "mbox"));
  one = open("mbox", OpenMode::read);
  EXPECT_EQ(one->try_lock(), true);
  EXPECT_TRUE(reader_may_lock(folder / "mbox"));
}

TEST_F(RealDiskTest, a_lock_that_a_reader_holds_is_refused_and_nothing_kept) {
  auto one = open("mbox", OpenMode::create);
  const auto two = open("mbox", OpenMode::read);
  const int reader = ::open((folder / "mbox").c_str(), O_RDWR | O_CLOEXEC);
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  ASSERT_EQ(::fcntl(reader, F_OFD_SETLK, &whole), 0);
  EXPECT_EQ(one->try_lock(), false);
  EXPECT_EQ(two->try_lock(), true);
  ::close(reader);
}

TEST_F(RealDiskTest, a_file_knows_its_name) {
  const auto file = open("one", OpenMode::create);
  EXPECT_EQ(file->is_at(folder / "one"), true);
  EXPECT_EQ(file->is_at(folder / "two"), false);
  ASSERT_EQ(::rename((folder / "one").c_str(), (folder / "two").c_str()), 0);
  const auto other = open("one", OpenMode::create);
  EXPECT_EQ(file->is_at(folder / "one"), false);
  EXPECT_EQ(file->is_at(folder / "two"), true);
  EXPECT_EQ(other->is_at(folder / "one"), true);
}

TEST_F(RealDiskTest, one_lock_at_a_time_until_close) {
  auto one = open("lock", OpenMode::append);
  const auto two = open("lock", OpenMode::append);
  EXPECT_EQ(one->try_lock(), true);
  EXPECT_EQ(two->try_lock(), false);
  one.reset();
  EXPECT_EQ(two->try_lock(), true);
}

TEST_F(RealDiskTest, lists_in_order_with_kinds) {
  (void)open("b", OpenMode::create);
  (void)open("A", OpenMode::create);
  EXPECT_TRUE(disk->make_directory(folder / "c"));
  const auto list = disk->list(folder.path());
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 3u);
  EXPECT_EQ((*list)[0].name, "A");
  EXPECT_EQ((*list)[1].name, "b");
  EXPECT_EQ((*list)[2].name, "c");
  EXPECT_FALSE((*list)[0].is_directory);
  EXPECT_TRUE((*list)[2].is_directory);
  EXPECT_EQ(code(disk->list(folder / "none")), IoErrorCode::not_found);
}

TEST_F(RealDiskTest, names_come_and_go) {
  (void)open("a", OpenMode::create);
  EXPECT_EQ(disk->exists(folder / "a"), true);
  EXPECT_TRUE(disk->rename(folder / "a", folder / "b"));
  EXPECT_EQ(disk->exists(folder / "a"), false);
  EXPECT_EQ(disk->exists(folder / "b/below a file"), false);
  EXPECT_TRUE(disk->unlink(folder / "b"));
  EXPECT_EQ(code(disk->unlink(folder / "b")), IoErrorCode::not_found);
  EXPECT_TRUE(disk->make_directory(folder / "d"));
  EXPECT_EQ(code(disk->make_directory(folder / "d")), IoErrorCode::exists);
  EXPECT_TRUE(done(disk->sync_directory(folder.path(), unused)));
  EXPECT_EQ(code(done(disk->sync_directory(folder / "none", unused))), IoErrorCode::not_found);
}

TEST_F(RealDiskTest, a_full_disk_is_no_space) {
  auto full = disk->open("/dev/full", OpenMode::read_write);
  ASSERT_TRUE(full);
  EXPECT_EQ(code(write(**full, 0, {"a"})), IoErrorCode::no_space);
}

TEST_F(RealDiskTest, files_close_when_another_program_starts) {
  const auto file = open("f", OpenMode::create);
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink(entry.path(), gone);
    if (gone || target != folder / "f") continue;
    ++found;
    EXPECT_NE(::fcntl(std::stoi(entry.path().filename().string()), F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(found, 1);
}

base::Task<> make_deep(Disk& disk, std::string path, Io<>& result) {
  result = co_await make_directories(disk, std::move(path));
}

TEST_F(RealDiskTest, makes_folders_above) {
  Io<> result = base::io_error(IoErrorCode::failed);
  base::Group group;
  group.spawn(make_deep(*disk, folder / "x/y/z", result));
  EXPECT_TRUE(result);
  EXPECT_EQ(disk->exists(folder / "x/y/z"), true);
}

TEST_F(RealDiskTest, a_folder_is_opened_to_all_without_taking_a_permission_away) {
  const std::string path = folder / "public";
  ASSERT_TRUE(disk->make_directory(path));
  const auto mode = [&] {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
  };
  ASSERT_TRUE(disk->open_directory_to_all(path, false));
  EXPECT_EQ(mode(), 0711u);
  ASSERT_TRUE(disk->open_directory_to_all(path, true));
  EXPECT_EQ(mode(), 0755u);
  ASSERT_TRUE(disk->open_directory_to_all(path, false));
  EXPECT_EQ(mode(), 0755u);
  EXPECT_EQ(code(disk->open_directory_to_all(folder / "none", true)), IoErrorCode::not_found);
}

TEST_F(RealDiskTest, regular_files_only_where_that_is_asked_for) {
  const auto careful = make_disk({.regular_files_only = true});
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(code(careful->open(folder / "fifo", OpenMode::read_write)), IoErrorCode::denied);
  EXPECT_EQ(code(careful->open(folder / "fifo", OpenMode::read)), IoErrorCode::denied);
  EXPECT_EQ(code(careful->open("/dev/null", OpenMode::append)), IoErrorCode::denied);
  EXPECT_TRUE(careful->open(folder / "file", OpenMode::create));
  EXPECT_TRUE(careful->open(folder / "file", OpenMode::read_write));
}

TEST_F(RealDiskTest, what_is_denied_somebody_else_may_open) {
  std::vector<std::string> asked;
  const auto ours = make_disk({.open_denied = [&](const std::string& path) -> Io<Descriptor> {
    asked.push_back(path);
    return base::io_error(IoErrorCode::denied, EPERM);
  }});
  EXPECT_EQ(code(ours->open(folder / "missing", OpenMode::read)), IoErrorCode::not_found);
  EXPECT_TRUE(ours->open(folder / "file", OpenMode::create));
  EXPECT_TRUE(ours->open(folder / "file", OpenMode::read));
  EXPECT_TRUE(asked.empty());
}

}  // namespace
}  // namespace sys::real
