#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <utility>

#include "base/group.h"
#include "sys/linux/loop.h"

// For the tests of sys/linux alone.
namespace sys::real {

/// Runs tasks on a loop of its own until they have ended.
class Runner {
 public:
  void run(base::Task<> task) {
    base::Group group;
    group.spawn(then_stop(std::move(task), loop));
    loop.run();
  }

  RealLoop loop;

 private:
  static base::Task<> then_stop(base::Task<> task, RealLoop& loop) {
    co_await std::move(task);
    loop.stop();
  }
};

[[nodiscard]] inline auto sleep_until(Loop& loop, base::Instant when) {
  return base::operation<base::Io<>>(
      [&loop, when](auto& done) { return loop.sleep_until(when, done); });
}

/// A new empty folder, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "phXXXXXX").string();
    PH_ASSERT(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + '/' + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace sys::real
