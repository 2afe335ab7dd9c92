#include "grammar/header.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/assert.h"

namespace grammar {
namespace {

/// Octets of the first line, with its line end if it has one.
std::size_t line_octets(std::string_view text) {
  const std::size_t lf = text.find('\n');
  return lf == std::string_view::npos ? text.size() : lf + 1;
}

std::string_view without_line_end(std::string_view line) {
  if (!line.ends_with('\n')) return line;
  line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// Octets of the blank line at the front: 0 if there is none.
std::size_t blank_line_octets(std::string_view text) {
  if (text.starts_with("\r\n")) return 2;
  return text.starts_with('\n') ? 1 : 0;
}

///     ftext = %d33-57 / %d59-126                    [RFC5322 3.6.8]
///
/// Deviates: octets above 127 too, so that one bad field does not end the header section.
bool is_ftext(char c) { return c != ' ' && c != ':' && !base::is_control(c); }

/// The name at the front of a line, or nothing if this line begins no field. Spaces before the
/// colon are obsolete, but seen [RFC5322 4.5].
std::string_view field_name(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {};
  std::string_view name = line.substr(0, colon);
  while (!name.empty() && base::is_space(name.back())) name.remove_suffix(1);
  return std::ranges::all_of(name, is_ftext) ? name : std::string_view();
}

/// The field at the front, with its continuation lines; nullopt if there is none.
std::optional<HeaderField> first_field(std::string_view text) {
  std::size_t size = line_octets(text);
  const std::string_view name = field_name(text.substr(0, size));
  if (name.empty()) return std::nullopt;
  while (size < text.size() && base::is_space(text[size])) size += line_octets(text.substr(size));

  const std::string_view whole = text.substr(0, size);
  const std::string_view content = without_line_end(whole);
  return HeaderField{name, content.substr(content.find(':') + 1), whole};
}

}  // namespace

bool HeaderField::is(std::string_view wanted) const { return base::equal_nocase(name, wanted); }

std::optional<HeaderField> HeaderFields::next() {
  const auto field = first_field(content_.substr(offset_));
  if (field) offset_ += field->whole.size();
  return field;
}

ContentParts split_content(std::string_view content) {
  HeaderFields fields(content);
  while (fields.next()) continue;
  const std::size_t end = fields.offset();
  const std::size_t blank = blank_line_octets(content.substr(end));
  return {content.substr(0, end), content.substr(end + blank), blank > 0};
}

std::optional<std::size_t> find_header_end(std::string_view content) {
  HeaderFields fields(content);
  while (fields.next()) continue;
  const std::size_t end = fields.offset();
  const std::string_view behind = content.substr(end);
  // A line without its end may still become a field, a blank line, or a continuation.
  if (behind.find('\n') == std::string_view::npos) return std::nullopt;
  return end;
}

std::optional<HeaderField> find_field(std::string_view content, std::string_view name) {
  HeaderFields fields(content);
  while (const auto field = fields.next()) {
    if (field->is(name)) return field;
  }
  return std::nullopt;
}

std::size_t count_fields(std::string_view content, std::string_view name, std::size_t count_max) {
  HeaderFields fields(content);
  std::size_t count = 0;
  while (const auto field = fields.next()) {
    if (field->is(name) && ++count == count_max) break;
  }
  return count;
}

std::string unfold(std::string_view value) {
  std::string out;
  while (!value.empty()) {
    const std::size_t size = line_octets(value);
    out += without_line_end(value.substr(0, size));
    value.remove_prefix(size);
  }
  return std::string(base::trimmed(out));
}

bool has_eight_bit(std::string_view octets) { return !base::is_ascii(octets); }

std::string message_id(std::string_view left, std::string_view hostname) {
  PH_ASSERT(!left.empty() && !hostname.empty());
  std::string out = "<";
  return out.append(left).append("@").append(hostname).append(">");
}

}  // namespace grammar
