#include "base/escape.h"

#include <fmt/format.h>

#include <iterator>

#include "base/ascii.h"

namespace base {
namespace {

unsigned char octet(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
}

bool is_c1_control(std::string_view sequence) {
  return sequence.size() == 2 && octet(sequence, 0) == 0xc2 && octet(sequence, 1) < 0xa0;
}

/// Marks that turn the direction of what follows, and separators of lines and paragraphs: U+200E,
/// U+200F, U+2028 to U+202E, U+2066 to U+2069. With them a list shows what is not there.
bool is_layout_mark(std::string_view sequence) {
  if (sequence.size() != 3 || octet(sequence, 0) != 0xe2) return false;
  const unsigned char last = octet(sequence, 2);
  if (octet(sequence, 1) == 0x80)
    return last == 0x8e || last == 0x8f || (last >= 0xa8 && last <= 0xae);
  return octet(sequence, 1) == 0x81 && last >= 0xa6 && last <= 0xa9;
}

}  // namespace

std::size_t utf8_sequence(std::string_view text) {
  const unsigned char first = octet(text, 0);
  if (first < 0x80) return text.empty() ? 0 : 1;
  std::size_t length = 0;
  unsigned char low = 0x80, high = 0xbf;  // Bounds of the second octet.
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;  // No surrogates.
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;  // Nothing beyond U+10FFFF.
  } else {
    return 0;
  }
  if (text.size() < length || octet(text, 1) < low || octet(text, 1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((octet(text, i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string escaped(std::string_view text, std::size_t octets_max) {
  std::string out;
  const bool cut = text.size() > octets_max;
  if (cut) text = text.substr(0, octets_max);
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t length = utf8_sequence(text);
    const std::string_view sequence = text.substr(0, length);
    if (length == 0 || is_control(text[0]) || is_c1_control(sequence) || is_layout_mark(sequence)) {
      length = std::max<std::size_t>(length, 1);
      for (std::size_t i = 0; i < length; ++i) {
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", octet(text, i));
      }
    } else {
      out += sequence;
    }
    text.remove_prefix(length);
  }
  if (cut) out += "…";
  return out;
}

std::string json_quoted(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  out += '"';
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    const char c = text[0];
    if (length == 0) {
      out += "\xef\xbf\xbd";
      text.remove_prefix(1);
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (is_control(c)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  out += '"';
  return out;
}

}  // namespace base
