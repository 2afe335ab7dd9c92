#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "lab/internet.h"

// A result, for people and tools. What peers said is escaped.
namespace lab {

struct ReportOptions {
  std::string file;
  std::uint64_t seed = 1;
  std::size_t journeys_max = 10;
};

[[nodiscard]] std::string to_text(const Result& result, const ReportOptions& options);
/// One JSON document.
[[nodiscard]] std::string to_json(const Result& result, const ReportOptions& options);
/// Hops over time as a picture that needs nothing else: machines from top to bottom, time from left
/// to right, a line for each hop of the first svg_journeys_max messages.
[[nodiscard]] std::string to_svg(const Result& result, const ReportOptions& options);
inline constexpr std::size_t svg_journeys_max = 200;

/// "1d 02:03:04.005"
[[nodiscard]] std::string print_time(base::Duration time);

}  // namespace lab
