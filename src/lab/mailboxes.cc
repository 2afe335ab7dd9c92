#include "lab/mailboxes.h"

#include <algorithm>

namespace lab {
namespace {

constexpr std::string_view separator = "From ";

/// The next line, with its end, off the front.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end == text.npos ? end : end + 1);
  text.remove_prefix(line.size());
  return line;
}

/// A line of an mbox whose content began with so many `>` less one.
bool is_quoted(std::string_view line) {
  const std::size_t end = line.find_first_not_of('>');
  return end != 0 && end != line.npos && line.substr(end).starts_with(separator);
}

std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  for (const char octet : text) {
    if (octet == '\n' && !out.ends_with('\r')) out += '\r';
    out += octet;
  }
  return out;
}

std::string delivered_to(std::string_view content) {
  const std::string_view header = content.substr(0, content.find("\r\n\r\n"));
  constexpr std::string_view field = "Delivered-To: ";
  const std::size_t at = header.find(field);
  if (at == header.npos) return {};
  const std::string_view value = header.substr(at + field.size());
  return std::string(value.substr(0, value.find('\r')));
}

}  // namespace

void read_mailbox_file(
    std::string_view octets,
    const std::function<void(const std::string& recipient, const std::string& content)>& take) {
  const auto give = [&take](std::string_view message) {
    const std::string content = with_crlf(message);
    take(delivered_to(content), content);
  };
  if (!octets.starts_with(separator)) {
    give(octets);
    return;
  }
  (void)take_line(octets);
  std::string message;
  const auto end_message = [&] {
    if (message.ends_with('\n')) message.pop_back();  // The blank line behind it.
    give(message);
    message.clear();
  };
  while (!octets.empty()) {
    const std::string_view line = take_line(octets);
    if (line.starts_with(separator)) {
      end_message();
    } else {
      message += is_quoted(line) ? line.substr(1) : line;
    }
  }
  end_message();
}

}  // namespace lab
