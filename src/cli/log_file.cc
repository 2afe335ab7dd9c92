#include "cli/log_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "cli/output.h"

namespace cli {

std::expected<LogFile, std::string> LogFile::open(const std::string& path, Opener open_denied) {
  LogFile out(path, std::move(open_denied));
  if (const auto opened = out.reopen(); !opened) return std::unexpected(opened.error());
  return out;
}

std::expected<void, std::string> LogFile::reopen() {
  if (path_.empty()) return {};
  sys::real::Descriptor file(
      ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
  base::Io<> opened;
  if (!file) opened = sys::real::system_failure();
  if (!file && errno == EACCES && open_denied_) {
    auto other = open_denied_(path_);
    if (other) file = std::move(*other);
    opened = other ? base::Io<>() : std::unexpected(other.error());
  }
  if (!opened) return std::unexpected(path_ + ": " + base::describe(opened.error()));
  file_ = std::move(file);
  return {};
}

void LogFile::write(std::string_view lines) const {
  (void)write_all(file_ ? file_.get() : STDERR_FILENO, lines);
}

}  // namespace cli
