#include "dsn/text.h"

#include <fmt/format.h>

#include "base/ascii.h"
#include "base/escape.h"

namespace dsn {
namespace {

/// A word longer than this is cut, so that no line gets too long.
constexpr std::size_t word_octets_max = 900;

/// In octets [RFC2045 6.7 (5)].
constexpr std::size_t encoded_line_octets_max = 76;

bool is_white(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string without_line_ends(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (!is_white(c)) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

/// Takes the first word off `text`; never cuts a character of UTF-8 in two.
std::string_view take_word(std::string_view& text) {
  std::size_t size = std::min(text.find(' '), text.size());
  if (size > word_octets_max) {
    size = word_octets_max;
    while (size > word_octets_max - 4 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) {
      --size;
    }
  }
  const std::string_view word = text.substr(0, size);
  text.remove_prefix(size);
  while (text.starts_with(' ')) text.remove_prefix(1);
  return word;
}

/// Encodes one line, without its line end.
void add_encoded_line(std::string& out, std::string_view line) {
  std::size_t column = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool last = i + 1 == line.size();
    const bool literal = (c > ' ' && c < '\x7f' && c != '=') || (base::is_space(c) && !last);
    const std::size_t octets = literal ? 1 : 3;
    if (column + octets > encoded_line_octets_max - 1) {
      out += "=\r\n";
      column = 0;
    }
    if (literal) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "={:02X}", static_cast<unsigned char>(c));
    }
    column += octets;
  }
}

}  // namespace

std::string one_line(std::string_view text, std::size_t octets_max) {
  return base::escaped(without_line_ends(text), octets_max);
}

std::string one_ascii_line(std::string_view text, std::size_t octets_max) {
  const std::string line = without_line_ends(text);
  std::string out;
  for (const char c : std::string_view(line).substr(0, octets_max)) {
    if (base::is_ascii(c) && !base::is_control(c)) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (line.size() > octets_max) out += "...";
  return out;
}

std::string wrapped(std::string_view first, std::string_view text, std::string_view indent) {
  std::string out(first);
  std::size_t column = first.size();
  bool line_has_word = false;
  while (!text.empty()) {
    const std::string_view word = take_word(text);
    if (line_has_word && column + 1 + word.size() > line_octets_wanted) {
      out.append("\r\n").append(indent);
      column = indent.size();
    } else if (line_has_word) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    line_has_word = true;
  }
  return out + "\r\n";
}

std::string field(std::string_view name, std::string_view value) {
  return wrapped(std::string(name) + ": ", value, " ");
}

std::string quoted_printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t lf = text.find('\n');
    const bool whole = lf != std::string_view::npos;
    std::string_view line = text.substr(0, lf);
    text.remove_prefix(whole ? lf + 1 : text.size());
    if (whole && line.ends_with('\r')) line.remove_suffix(1);
    add_encoded_line(out, line);
    out += "\r\n";
  }
  return out;
}

bool is_eight_bit_text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n");
    if (end == std::string_view::npos || end > line_octets_max) return false;
    if (text.substr(0, end).find_first_of(std::string_view("\r\n\0", 3)) !=
        std::string_view::npos) {
      return false;
    }
    text.remove_prefix(end + 2);
  }
  return true;
}

bool is_seven_bit(std::string_view text) { return base::is_ascii(text) && is_eight_bit_text(text); }

}  // namespace dsn
