#include "cli/message_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"

namespace cli {

std::expected<std::string, std::string> normalize_message(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32 + 2);
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = text.find('\n');
    std::string_view octets = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (end != text.npos && octets.ends_with('\r')) octets.remove_suffix(1);
    if (octets.find('\r') != octets.npos) {
      return std::unexpected(fmt::format("line {}: expected CRLF or LF, found CR alone", line));
    }
    out += octets;
    out += "\r\n";
  }
  return out;
}

bool has_8bit_header(std::string_view content) {
  const std::string_view header = content.substr(0, content.find("\r\n\r\n"));
  return !base::is_ascii(header);
}

}  // namespace cli
