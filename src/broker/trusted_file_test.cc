#include "broker/trusted_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace broker {
namespace {

constexpr uid_t somebody = 12'345;

/// Only root can own what root trusts.
class TrustedFileTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    char name[] = "/tmp/ph-trusted-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    make_folder("of_somebody", 0755, somebody);
    make_folder("for_a_group", 0775, 0);
    make_folder("for_all", 0777, 0);
    make_folder("sticky", 01777, 0);
    for (const char* where : {"", "of_somebody/", "for_a_group/", "for_all/", "sticky/"}) {
      make_file(std::string(where) + "key");
    }
    make_file("sticky/theirs");
    (void)::chown(path("sticky/theirs").c_str(), somebody, somebody);
    link("key", "link");
    link(path("key"), "whole_link");
    link("of_somebody/key", "link_behind_somebody");
    link("loop", "loop");
    link(path("link"), "of_somebody/link_of_somebody");
    link("of_somebody/link_of_somebody", "link_by_somebody");
    ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
    ASSERT_EQ(::link(path("key").c_str(), path("second_name").c_str()), 0);
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + '/' + name; }
  void make_folder(const std::string& name, mode_t mode, uid_t owner) {
    ASSERT_EQ(::mkdir(path(name).c_str(), 0700), 0);
    ASSERT_EQ(::chown(path(name).c_str(), owner, owner), 0);
    ASSERT_EQ(::chmod(path(name).c_str(), mode), 0);
  }
  void make_file(const std::string& name) { std::ofstream(path(name)) << "content"; }
  void link(const std::string& to, const std::string& name) {
    ASSERT_EQ(::symlink(to.c_str(), path(name).c_str()), 0);
  }
  [[nodiscard]] static int error_of(const base::Io<sys::real::Descriptor>& opened) {
    return opened ? 0 : opened.error().system_error;
  }

  std::string folder_;
};

struct WayCase {
  const char* name;
  int error;
};

TEST_F(TrustedFileTest, only_what_root_alone_can_change) {
  const WayCase cases[] = {
      {"key", 0},
      {"./key", 0},
      {"link", 0},
      {"whole_link", 0},
      {"second_name", 0},
      {"sticky/key", 0},
      {"sticky/theirs", EPERM},
      {"of_somebody/key", EPERM},
      {"for_a_group/key", EPERM},
      {"for_all/key", EPERM},
      {"link_behind_somebody", EPERM},
      {"link_by_somebody", EPERM},
      {"of_somebody/../key", EPERM},
      {"fifo", EPERM},
      {"sticky", EPERM},
      {"loop", ELOOP},
      {"missing", ENOENT},
      {"key/more", ENOTDIR},
  };
  for (const WayCase& row : cases) {
    EXPECT_EQ(error_of(open_trusted(path(row.name), O_RDONLY)), row.error) << row.name;
  }
  EXPECT_EQ(error_of(open_trusted("key", O_RDONLY)), EPERM);
  EXPECT_EQ(error_of(open_trusted("", O_RDONLY)), EPERM);
  EXPECT_EQ(error_of(open_trusted("/", O_RDONLY)), EPERM);
  EXPECT_EQ(error_of(open_trusted("/dev/null", O_RDONLY)), EPERM);
}

TEST_F(TrustedFileTest, a_log_is_made_for_its_owner) {
  const auto log = open_trusted_log(path("log"), {somebody, somebody});
  ASSERT_TRUE(log.has_value());
  struct stat status{};
  ASSERT_EQ(::stat(path("log").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, somebody);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
  ASSERT_EQ(::write(log->get(), "a", 1), 1);
  const auto again = open_trusted_log(path("log"), {somebody, somebody});
  ASSERT_TRUE(again.has_value());
  ASSERT_EQ(::write(again->get(), "b", 1), 1);
  EXPECT_EQ(std::filesystem::file_size(path("log")), 2u);
}

TEST_F(TrustedFileTest, a_log_has_one_name_in_a_folder_of_root) {
  const WayCase cases[] = {
      {"link", ELOOP},       {"second_name", EPERM}, {"fifo", ENXIO},    {"of_somebody/log", EPERM},
      {"sticky/log", EPERM}, {"for_all/log", EPERM}, {"sticky", EISDIR}, {"missing/log", ENOENT},
  };
  for (const WayCase& row : cases) {
    EXPECT_EQ(error_of(open_trusted_log(path(row.name), {somebody, somebody})), row.error)
        << row.name;
  }
}

}  // namespace
}  // namespace broker
