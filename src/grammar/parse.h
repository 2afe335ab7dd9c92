#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

namespace grammar {

/// Why a piece of protocol text was refused. Carries no reply code: the
/// grammar does not know whether it is reading MAIL, RCPT or a spool record.
enum class ParseErrorCode : std::uint8_t {
  missing_left_angle,
  missing_right_angle,  ///< No `>` up to the end of the input.
  missing_at_sign,
  missing_colon,         ///< A source route that ends without its mailbox.
  unexpected_character,  ///< Between a complete mailbox and the `>`.
  trailing_text,         ///< After what should have been the whole input.
  null_forward_path,     ///< `<>` where a recipient is needed.
  empty_atom,            ///< Leading, trailing or doubled dot; no local-part.
  unclosed_quoted_string,
  bad_quoted_pair,           ///< A backslash before anything but printable ASCII.
  control_in_quoted_string,  ///< C0, DEL or C1; a bare CR or LF is one of them.
  empty_domain_label,        ///< Leading, trailing or doubled dot; no domain.
  bad_domain_label,          ///< A hyphen at the edge of a label.
  bad_internationalized_domain,
  bad_address_literal,
  non_ascii,  ///< An octet above 127 where SMTPUTF8 was not asked for [RFC6531 3.3].
  bad_utf8,   ///< With SMTPUTF8: not well-formed, or a C1 control.
  domain_label_too_long,
  domain_too_long,
  local_part_too_long,
  path_too_long,
  bad_xtext,
};

struct ParseError {
  ParseErrorCode code;
  std::size_t offset;  ///< In octets, from the start of the argument.
  friend bool operator==(const ParseError&, const ParseError&) = default;
};

template <class T>
using ParseResult = std::expected<T, ParseError>;

/// For people, without the offset: "the domain has an empty label".
[[nodiscard]] std::string_view describe(ParseErrorCode code);

/// What the text around an address allows in it.
struct PathRules {
  bool smtputf8 = false;  ///< UTF-8 in local-parts, U-labels in domains [RFC6531 3.3].
};

/// A place in a text that is being parsed. Does not own the text. Offsets count from its start.
class Cursor {
 public:
  explicit constexpr Cursor(std::string_view text) : text_(text) {}

  [[nodiscard]] constexpr std::size_t offset() const { return offset_; }
  [[nodiscard]] constexpr bool at_end() const { return offset_ == text_.size(); }
  [[nodiscard]] constexpr std::string_view rest() const { return text_.substr(offset_); }
  /// The octets from `start` up to here.
  [[nodiscard]] constexpr std::string_view since(std::size_t start) const {
    return text_.substr(start, offset_ - start);
  }

  /// The next octet, or nullopt at the end.
  [[nodiscard]] constexpr std::optional<char> peek() const {
    if (at_end()) return std::nullopt;
    return text_[offset_];
  }
  [[nodiscard]] constexpr bool next_is(char c) const { return !at_end() && text_[offset_] == c; }

  /// Steps over `text` if it comes next; says whether it did.
  [[nodiscard]] constexpr bool take(std::string_view text) {
    if (!rest().starts_with(text)) return false;
    offset_ += text.size();
    return true;
  }
  [[nodiscard]] constexpr bool take(char c) {
    if (!next_is(c)) return false;
    ++offset_;
    return true;
  }
  /// Steps over octets, at most to the end.
  constexpr void skip(std::size_t octets) {
    offset_ = octets < text_.size() - offset_ ? offset_ + octets : text_.size();
  }
  /// Steps over all octets that satisfy `wanted`, and returns them.
  template <class Predicate>
  constexpr std::string_view take_while(Predicate wanted) {
    const std::size_t start = offset_;
    while (!at_end() && wanted(text_[offset_])) ++offset_;
    return since(start);
  }

  [[nodiscard]] constexpr std::unexpected<ParseError> fail(ParseErrorCode code) const {
    return fail_at(offset_, code);
  }
  [[nodiscard]] static constexpr std::unexpected<ParseError> fail_at(std::size_t offset,
                                                                     ParseErrorCode code) {
    return std::unexpected(ParseError{code, offset});
  }

 private:
  std::string_view text_;
  std::size_t offset_ = 0;
};

/// Parses the whole of `text` with `parser(Cursor&, rules)`; anything behind is `trailing_text`.
template <class Parser>
[[nodiscard]] auto parse_whole(std::string_view text, PathRules rules, Parser parser) {
  Cursor in(text);
  auto result = parser(in, rules);
  if (result.has_value() && !in.at_end()) result = in.fail(ParseErrorCode::trailing_text);
  return result;
}

}  // namespace grammar
