#include "cli/output.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace cli {

bool write_all(int descriptor, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t written = ::write(descriptor, octets.data(), octets.size());
    if (written >= 0) {
      octets.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd ready{.fd = descriptor, .events = POLLOUT, .revents = 0};
      (void)::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void complain(std::string_view line) { (void)write_all(STDERR_FILENO, std::string(line) + '\n'); }

bool print(std::string_view octets) { return write_all(STDOUT_FILENO, octets); }

}  // namespace cli
