#include "delivery/mbox_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "base/ascii.h"

namespace delivery {
namespace {

constexpr std::string_view from_line = "From ";

/// `Wed Nov 25 08:41:07 2026`: of asctime(), without its line end.
std::string asctime_of(base::WallTime time) {
  static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  return fmt::format(
      "{} {} {:2} {:02}:{:02}:{:02} {}", days[std::chrono::weekday(day).c_encoding()],
      months[static_cast<unsigned>(date.month()) - 1], static_cast<unsigned>(date.day()),
      clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
      static_cast<int>(date.year()));
}

}  // namespace

std::string mbox_separator(std::string_view sender, base::WallTime received) {
  std::string name(sender.empty() ? "MAILER-DAEMON" : sender);
  std::ranges::replace_if(name, [](char c) { return c == ' ' || base::is_control(c); }, '_');
  return fmt::format("{}{} {}\n", from_line, name, asctime_of(received));
}

bool MboxContent::next(std::string& block) {
  block.clear();
  while (block.empty() && !ended_) {
    if (content_.next(unquoted_)) {
      quote(block);
      continue;
    }
    ended_ = true;
    end_prefix(block);
    block += at_line_start_ ? "\n" : "\n\n";
  }
  return !block.empty();
}

void MboxContent::quote(std::string& out) {
  std::string_view rest = unquoted_;
  while (!rest.empty()) {
    if (!at_line_start_) {
      const std::size_t end = std::min(rest.find('\n'), rest.size() - 1);
      at_line_start_ = rest[end] == '\n';
      out += rest.substr(0, end + 1);
      rest.remove_prefix(end + 1);
      continue;
    }
    const char c = rest.front();
    if (c == '>' && matched_ == 0) {
      ++quotes_;
    } else if (c == from_line[matched_]) {
      ++matched_;
    } else {
      end_prefix(out);
      continue;
    }
    rest.remove_prefix(1);
    if (matched_ == from_line.size()) {
      out += '>';
      end_prefix(out);
    }
  }
}

/// Now it is known whether the line is one; the rest of it stays as it is.
void MboxContent::end_prefix(std::string& out) {
  if (quotes_ + matched_ == 0 && ended_) return;
  out.append(std::exchange(quotes_, 0), '>');
  out += from_line.substr(0, std::exchange(matched_, 0));
  at_line_start_ = false;
}

std::string mbox_text(const std::string& separator, const std::vector<std::string_view>& pieces) {
  std::string out = separator;
  std::string block;
  MboxContent content(pieces);
  while (content.next(block)) out += block;
  return out;
}

}  // namespace delivery
