#pragma once

#include <sys/types.h>

#include <cstddef>
#include <expected>
#include <string>

namespace tables {

/// An open file that others may name. Regular files alone: a pipe or device could make us wait.
class File {
 public:
  /// The error is for people, with the path.
  [[nodiscard]] static std::expected<File, std::string> open(const std::string& path);
  File(File&& other) noexcept;
  File& operator=(File&&) = delete;
  ~File();

  [[nodiscard]] std::size_t size() const { return size_; }
  /// Others than its owner and group may write to it.
  [[nodiscard]] bool is_open_to_all() const;
  /// Where it lies, whatever links led to it; empty: unknown.
  [[nodiscard]] std::string real_path() const;
  /// All of it. An error beyond the bound, also when it grows meanwhile.
  [[nodiscard]] std::expected<std::string, std::string> read(std::size_t octets_max) const;

 private:
  File(int descriptor, const std::string& path) : descriptor_(descriptor), path_(path) {}
  [[nodiscard]] std::unexpected<std::string> failure(int system_error) const;

  int descriptor_;
  std::string path_;
  std::size_t size_ = 0;
  mode_t mode_ = 0;
};

}  // namespace tables
