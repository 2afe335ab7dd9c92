#include "cli/log_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "cli/output.h"

namespace cli {

std::expected<LogFile, std::string> LogFile::open(const std::string& path) {
  LogFile out(path);
  if (const auto opened = out.reopen(); !opened) return std::unexpected(opened.error());
  return out;
}

std::expected<void, std::string> LogFile::reopen() {
  if (path_.empty()) return {};
  const int file = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (file < 0) return std::unexpected(path_ + ": " + base::describe(base::from_errno(errno)));
  file_ = sys::real::Descriptor(file);
  return {};
}

void LogFile::write(std::string_view lines) const {
  (void)write_all(file_ ? file_.get() : STDERR_FILENO, lines);
}

}  // namespace cli
