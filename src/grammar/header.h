#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace grammar {

// What a transfer agent needs to know of content. Nothing here fails: content may be anything, and
// we carry it all the same. All views refer to the content. A line ends at LF; a CR before it
// belongs to the line end. (In the spool every line ends in CRLF; in a Maildir, in LF.)

/// One field of a header section [RFC5322 2.2].
struct HeaderField {
  std::string_view name;   ///< As written, without the colon and spaces before it.
  std::string_view value;  ///< From behind the colon, with folding, without the last line end.
  std::string_view whole;  ///< From the name to the last line end, that included.

  [[nodiscard]] bool is(std::string_view wanted) const;  ///< Without regard to case.
};

/// Walks the fields of a header section or of a whole content; ends at the blank line, or at the
/// first line that can't be part of a header section. Copies nothing.
///
///     HeaderFields fields(content);
///     while (const auto field = fields.next()) …
class HeaderFields {
 public:
  explicit HeaderFields(std::string_view content) : content_(content) {}

  [[nodiscard]] std::optional<HeaderField> next();
  /// Octets of the fields taken so far; after the last one, of the header section.
  [[nodiscard]] std::size_t offset() const { return offset_; }

 private:
  std::string_view content_;
  std::size_t offset_ = 0;
};

/// A content in two. `header_section` has all its line ends; the blank line belongs to neither.
struct ContentParts {
  std::string_view header_section;
  std::string_view body;
  bool blank_line = false;  ///< They are separated as they should be [RFC5322 2.1].
};
[[nodiscard]] ContentParts split_content(std::string_view content);

/// Octets of the header section of a content that may still go on behind `content`, without the
/// blank line; nullopt: more octets are needed to tell.
[[nodiscard]] std::optional<std::size_t> find_header_end(std::string_view content);

/// The first field of that name.
[[nodiscard]] std::optional<HeaderField> find_field(std::string_view content,
                                                    std::string_view name);
/// At most `count_max` are counted.
[[nodiscard]] std::size_t count_fields(std::string_view content, std::string_view name,
                                       std::size_t count_max = 10'000);
/// How often a message has been relayed [RFC5321 6.3].
[[nodiscard]] inline std::size_t count_received(std::string_view content) {
  return count_fields(content, "Received");
}

/// The value of a field in one line: line ends are gone, outer spaces too [RFC5322 2.2.3].
[[nodiscard]] std::string unfold(std::string_view value);

/// Some octet is above 127.
[[nodiscard]] bool has_eight_bit(std::string_view octets);

/// A header section that only a next hop with SMTPUTF8 may get [RFC6531 3.6].
[[nodiscard]] inline bool header_needs_smtputf8(std::string_view header_section) {
  return has_eight_bit(header_section);
}

/// `<left@right>` [RFC5322 3.6.4]. `left` is a dot-atom of ours that no other message has;
/// `hostname` is ASCII.
[[nodiscard]] std::string message_id(std::string_view left, std::string_view hostname);

}  // namespace grammar
