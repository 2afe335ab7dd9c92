#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace directory {

/// Where `mark` stands outside of quotes, comments and angle brackets; the size if nowhere; npos
/// if a quotation is open at the end.
[[nodiscard]] inline std::size_t find_unquoted(std::string_view text, char mark) {
  bool quoted = false;
  std::size_t comments = 0;
  bool angle = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (quoted) {
      continue;
    } else if (c == mark && comments == 0 && !angle) {
      return i;
    } else if (c == '(') {
      ++comments;
    } else if (c == ')' && comments > 0) {
      --comments;
    } else if (comments == 0 && (c == '<' || c == '>')) {
      angle = c == '<';
    }
  }
  return quoted ? std::string_view::npos : text.size();
}

/// What stands in the quotes, if they are around all of the text; backslashes taken away.
[[nodiscard]] inline std::optional<std::string> unquote(std::string_view text) {
  if (text.size() < 2 || text.front() != '"') return std::nullopt;
  std::string out;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1 == text.size() ? std::optional(std::move(out)) : std::nullopt;
    if (text[i] == '\\' && ++i == text.size()) break;
    out += text[i];
  }
  return std::nullopt;
}

/// Calls take(line, number) for each line without its end, be that CRLF or LF.
template <class Take>
void for_each_line(std::string_view text, std::size_t first, Take take) {
  for (std::size_t number = first; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    take(line, number);
  }
}

}  // namespace directory
