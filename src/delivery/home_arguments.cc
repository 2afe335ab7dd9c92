#include "delivery/home_arguments.h"

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "route/target.h"

namespace delivery {
namespace {

/// In octets: an identifier, a number and a host name.
constexpr std::size_t name_octets_max = 255;
constexpr std::size_t separator_octets_max = 2'048;
/// In octets. Blocks are of 64 KiB or little more; a header section is one of up to 2 MiB.
constexpr std::size_t block_octets_max = std::size_t{16} << 20;
/// Digits of its length, and the line feed.
constexpr std::size_t head_octets_max = 9;

bool is_name(std::string_view name) {
  const auto is_plain = [](char c) {
    return base::is_alnum(c) || c == '.' || c == '-' || c == '_';
  };
  return !name.empty() && name.size() <= name_octets_max && name[0] != '.' &&
         std::ranges::all_of(name, is_plain);
}

bool is_separator(std::string_view text) {
  return text.starts_with("From ") && text.size() <= separator_octets_max &&
         text.find('\n') == text.size() - 1;
}

}  // namespace

std::vector<std::string> home_arguments(const HomeArguments& arguments) {
  return {arguments.target, arguments.name, arguments.separator,
          arguments.repeated ? "repeated" : "first"};
}

std::optional<HomeArguments> parse_home_arguments(std::span<const std::string> arguments) {
  if (arguments.size() != 4) return std::nullopt;
  HomeArguments out{.target = arguments[0],
                    .name = arguments[1],
                    .separator = arguments[2],
                    .repeated = arguments[3] == "repeated"};
  const auto target = route::parse_deliver(out.target);
  if (!target || !target->is_in_home()) return std::nullopt;
  if (!is_name(out.name) || !is_separator(out.separator)) return std::nullopt;
  if (!out.repeated && arguments[3] != "first") return std::nullopt;
  return out;
}

std::string home_block(std::string_view octets) {
  return std::to_string(octets.size()).append("\n").append(octets);
}

bool HomeBlocks::take(std::string_view octets, std::string& out) {
  while (!octets.empty()) {
    if (ended_) return false;
    if (missing_ > 0) {
      const std::string_view part = octets.substr(0, missing_);
      out += part;
      missing_ -= part.size();
      octets.remove_prefix(part.size());
      continue;
    }
    head_ += octets[0];
    octets.remove_prefix(1);
    if (head_.back() != '\n') {
      if (head_.size() == head_octets_max) return false;
      continue;
    }
    const char* const end = head_.data() + head_.size() - 1;
    const auto [stop, error] = std::from_chars(head_.data(), end, missing_);
    if (error != std::errc{} || stop != end || missing_ > block_octets_max) return false;
    ended_ = missing_ == 0;
    head_.clear();
  }
  return true;
}

}  // namespace delivery
