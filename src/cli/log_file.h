#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include "sys/linux/descriptor.h"

namespace cli {

/// Where the event log goes: a file, to which it is appended, or stderr.
class LogFile {
 public:
  /// Opens a file to append to it that we may not open ourselves.
  using Opener = std::function<base::Io<sys::real::Descriptor>(const std::string& path)>;

  /// `path` empty: stderr. The error is for people.
  [[nodiscard]] static std::expected<LogFile, std::string> open(const std::string& path,
                                                                Opener open_denied = {});

  /// Somebody may have moved the file away. After an error the old one stays.
  [[nodiscard]] std::expected<void, std::string> reopen();
  /// What cannot be written is lost: the log must not stop the mail.
  void write(std::string_view lines) const;

 private:
  LogFile(std::string path, Opener open_denied)
      : path_(std::move(path)), open_denied_(std::move(open_denied)) {}

  std::string path_;
  Opener open_denied_;
  sys::real::Descriptor file_;
};

}  // namespace cli
