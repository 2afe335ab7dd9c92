#include "cli/secret_input.h"

#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "cli/files.h"
#include "cli/output.h"

namespace cli {

using Password = std::expected<crypto::Secret, std::string>;

namespace {

constexpr std::size_t password_octets_max = 4'096;

/// Switches off the echo of a terminal.
class Silence {
 public:
  explicit Silence(int terminal) : terminal_(terminal) {
    if (::tcgetattr(terminal_, &before_) != 0) return;
    changed_ = true;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    (void)::tcsetattr(terminal_, TCSAFLUSH, &silent);
  }
  ~Silence() {
    if (changed_) (void)::tcsetattr(terminal_, TCSAFLUSH, &before_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  int terminal_;
  termios before_{};
  bool changed_ = false;
};

Password first_line(std::string& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = std::string_view(text).substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  crypto::Secret out(line);
  crypto::wipe(text);
  if (out.empty()) return std::unexpected("the password is empty");
  if (out.size() > password_octets_max) return std::unexpected("the password is too long");
  return out;
}

/// Octet by octet, so that nothing behind the line is taken.
Password read_line(int descriptor) {
  std::string text;
  char octet = 0;
  while (text.size() <= password_octets_max) {
    const ssize_t got = ::read(descriptor, &octet, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || octet == '\n') break;
    text += octet;
  }
  return first_line(text);
}

Password prompt(std::string_view question) {
  const Silence silence(STDIN_FILENO);
  (void)write_all(STDERR_FILENO, question);
  Password out = read_line(STDIN_FILENO);
  (void)write_all(STDERR_FILENO, "\n");
  return out;
}

}  // namespace

Password read_new_password() {
  if (::isatty(STDIN_FILENO) == 0) return read_line(STDIN_FILENO);
  Password first = prompt("Password: ");
  if (!first) return first;
  const Password again = prompt("Again: ");
  if (!again) return std::unexpected(again.error());
  if (!crypto::equal_in_constant_time(first->reveal(), again->reveal())) {
    return std::unexpected("these are two different passwords");
  }
  return first;
}

Password read_password_file(const std::string& path) {
  auto text = read_file(path, password_octets_max + 2);
  if (!text) return std::unexpected(text.error());
  return first_line(*text);
}

}  // namespace cli
