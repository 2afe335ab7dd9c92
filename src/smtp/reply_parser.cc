#include "smtp/reply_parser.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"

namespace smtp {
namespace {

/// Takes the enhanced status code off one line, if it is one of the class of `code` [RFC2034 4].
[[nodiscard]] std::optional<EnhancedStatus> take_status_of(int code, std::string_view& line) {
  std::string_view rest = line;
  const auto status = take_enhanced_status(rest);
  if (!status || status->class_digit != code / 100) return std::nullopt;
  line = rest;
  return status;
}

}  // namespace

std::string_view describe(ReplyErrorCode code) {
  switch (code) {
    case ReplyErrorCode::no_code: return "reply without a code";
    case ReplyErrorCode::code_out_of_range: return "reply code out of range";
    case ReplyErrorCode::bad_separator: return "neither space nor hyphen after a reply code";
    case ReplyErrorCode::changed_code: return "lines of one reply have different codes";
    case ReplyErrorCode::bare_line_feed: return "bare line feed in a reply";
    case ReplyErrorCode::too_many_lines: return "reply of too many lines";
    case ReplyErrorCode::too_long: return "reply too long";
  }
  std::unreachable();
}

ReplyParser::Result ReplyParser::next(std::string_view& in) {
  while (!error_ && !in.empty()) {
    if (const auto code = take(in)) {
      error_ = ReplyError{*code, offset_};
      break;
    }
    if (complete_) return finish();
  }
  if (error_) return std::unexpected(*error_);
  return std::optional<Reply>{};
}

/// Takes one octet, or as much text as there is.
std::optional<ReplyErrorCode> ReplyParser::take(std::string_view& in) {
  if (place_ == Place::text) return take_text(in);
  const char c = in.front();
  const auto error = place_ == Place::code        ? take_digit(c)
                     : place_ == Place::separator ? take_separator(c)
                                                  : take_line_feed(c);
  if (error) return error;
  in.remove_prefix(1);
  ++offset_;
  return std::nullopt;
}

///     Reply-code = %x32-35 %x30-35 %x30-39        [RFC5321 4.2]
std::optional<ReplyErrorCode> ReplyParser::take_digit(char c) {
  if (!base::is_digit(c)) return ReplyErrorCode::no_code;
  line_code_ = line_code_ * 10 + (c - '0');
  if (++digits_ < 3) return std::nullopt;
  if (line_code_ < 200 || line_code_ > 599) return ReplyErrorCode::code_out_of_range;
  if (lines_ > 0 && line_code_ != code_) return ReplyErrorCode::changed_code;
  code_ = line_code_;
  place_ = Place::separator;
  return std::nullopt;
}

/// A code alone on its line is taken for the last one, as [RFC5321 4.2] demands of clients.
std::optional<ReplyErrorCode> ReplyParser::take_separator(char c) {
  if (c != ' ' && c != '-' && c != '\r') return ReplyErrorCode::bad_separator;
  last_line_ = c != '-';
  place_ = c == '\r' ? Place::line_feed : Place::text;
  return std::nullopt;
}

std::optional<ReplyErrorCode> ReplyParser::take_text(std::string_view& in) {
  const std::string_view text = in.substr(0, in.find_first_of("\r\n"));
  const std::size_t taken = append(text);
  in.remove_prefix(taken);
  offset_ += taken;
  if (taken < text.size()) return ReplyErrorCode::too_long;
  if (in.empty()) return std::nullopt;
  if (in.front() == '\n') return ReplyErrorCode::bare_line_feed;
  in.remove_prefix(1);
  ++offset_;
  place_ = Place::line_feed;
  return std::nullopt;
}

/// Behind a CR. A CR that no LF follows is text.
std::optional<ReplyErrorCode> ReplyParser::take_line_feed(char c) {
  if (c == '\n') {
    if (!last_line_ && ++lines_ == reply_lines_max) return ReplyErrorCode::too_many_lines;
    complete_ = last_line_;
    if (!complete_) text_ += '\n';
    line_code_ = 0;
    digits_ = 0;
    place_ = Place::code;
    return std::nullopt;
  }
  if (append("\r") == 0) return ReplyErrorCode::too_long;
  if (c == '\r') return std::nullopt;  // This one may end the line.
  if (append(std::string_view(&c, 1)) == 0) return ReplyErrorCode::too_long;
  place_ = Place::text;
  return std::nullopt;
}

/// Keeps what there is room for; says how much that was.
std::size_t ReplyParser::append(std::string_view octets) {
  const std::size_t room = reply_octets_max - (text_.size() - lines_);
  text_ += octets.substr(0, room);
  return std::min(octets.size(), room);
}

/// Servers repeat the enhanced code on each line; it is taken off where it is the same.
Reply ReplyParser::finish() {
  Reply reply;
  reply.code = code_;
  std::string_view rest = text_;
  for (std::size_t line = 0; line <= lines_; ++line) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    std::string_view without = text;
    const auto status = take_status_of(code_, without);
    if (line == 0) reply.enhanced = status;
    if (status && status == reply.enhanced) text = without;
    if (line > 0) reply.text += '\n';
    reply.text += text;
  }
  *this = ReplyParser();
  return reply;
}

}  // namespace smtp
