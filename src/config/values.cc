#include "config/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <numeric>
#include <vector>

#include "base/ascii.h"

namespace config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 4> duration_units = {{{"d", 86'400}, {"h", 3'600}, {"m", 60}, {"s", 1}}};
constexpr std::array<Unit, 5> size_units = {{{"TiB", std::uint64_t{1} << 40},
                                             {"GiB", std::uint64_t{1} << 30},
                                             {"MiB", std::uint64_t{1} << 20},
                                             {"KiB", std::uint64_t{1} << 10},
                                             {"B", 1}}};
constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();

/// A whole number and a unit; the largest number stands for what is beyond it.
std::optional<std::uint64_t> parse_quantity(std::string_view text, std::span<const Unit> units) {
  const auto digits_end = std::ranges::find_if_not(text, base::is_digit);
  const auto digits = static_cast<std::size_t>(digits_end - text.begin());
  const auto unit = std::ranges::find(units, text.substr(digits), &Unit::name);
  if (digits == 0 || unit == units.end()) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, number);
  if (error == std::errc::result_out_of_range || number > largest / unit->factor) return largest;
  return number * unit->factor;
}

std::string print_quantity(std::uint64_t quantity, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    const bool fits = quantity % unit.factor == 0 && (quantity > 0 || unit.factor == 1);
    if (fits) return std::to_string(quantity / unit.factor) + std::string(unit.name);
  }
  return std::to_string(quantity);
}

/// Octets to change, insert or leave out to make one text of the other (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<base::Duration> parse_duration(std::string_view text) {
  const auto seconds = parse_quantity(text, duration_units);
  if (!seconds) return std::nullopt;
  const auto most = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(duration_max).count());
  return std::chrono::seconds(static_cast<std::int64_t>(std::min(*seconds, most)));
}

std::string print_duration(base::Duration duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  return print_quantity(static_cast<std::uint64_t>(seconds), duration_units);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return parse_quantity(text, size_units);
}

std::string print_size(std::uint64_t octets) { return print_quantity(octets, size_units); }

std::string_view closest(std::string_view text, std::span<const std::string_view> known) {
  constexpr std::size_t wrong_max = 2;
  constexpr std::size_t text_octets_max = 64;  // Bounds the work; no key of ours is as long.
  std::string_view best;
  std::size_t best_distance = wrong_max + 1;
  if (text.size() > text_octets_max) return best;
  for (const std::string_view name : known) {
    const std::size_t wrong = distance(base::lower(text), name);
    if (wrong < best_distance && wrong < name.size()) {
      best = name;
      best_distance = wrong;
    }
  }
  return best;
}

}  // namespace config
