#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "sys/linux/descriptor.h"

namespace cli {

/// Where the event log goes: a file, to which it is appended, or stderr.
class LogFile {
 public:
  /// `path` empty: stderr. The error is for people.
  [[nodiscard]] static std::expected<LogFile, std::string> open(const std::string& path);

  /// Somebody may have moved the file away. After an error the old one stays.
  [[nodiscard]] std::expected<void, std::string> reopen();
  /// What cannot be written is lost: the log must not stop the mail.
  void write(std::string_view lines) const;

 private:
  explicit LogFile(std::string path) : path_(std::move(path)) {}

  std::string path_;
  sys::real::Descriptor file_;
};

}  // namespace cli
