#include <fmt/format.h>

#include <algorithm>

#include "base/escape.h"
#include "lab/report.h"

namespace lab {
namespace {

using namespace std::chrono_literals;

/// Figures that are shown when they are 0, too.
constexpr std::size_t figures_always = 6;
constexpr std::size_t lost_max = 20;
/// Of a long journey the first and last ones are shown.
constexpr std::size_t steps_at_ends = 15;
constexpr std::size_t name_width_max = 32;
/// In octets, of what a peer said.
constexpr std::size_t reply_octets_max = 200;

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string_view meaning(std::string_view figure) {
  static constexpr std::pair<std::string_view, std::string_view> meanings[] = {
      {"sent", "recipients of messages that a server took"},
      {"delivered", "in a mailbox"},
      {"bounced", "reported to the originator"},
      {"queued", "still in a queue"},
      {"lost", "neither of these"},
      {"duplicated", "copies beyond the first"},
      {"refused", "by the server where it was submitted"},
      {"unsent", "still with the client"},
      {"altered", "messages that are not as they were sent"},
      {"contradicted", "reported as failed, though a host has them"},
      {"reports", "notifications that arrived"},
  };
  for (const auto& [known, text] : meanings) {
    if (known == figure) return text;
  }
  return "";
}

std::string ledger_text(const Totals& totals) {
  std::string out;
  std::size_t count = 0;
  for (const auto& [name, value] : figures(totals)) {
    if (++count <= figures_always || value != 0)
      out += fmt::format("  {:<12} {:>8}   {}\n", name, value, meaning(name));
  }
  return out;
}

std::string step_text(const Step& step, std::size_t width) {
  std::string out = fmt::format("  {:>15}  {:<{}} {}{}", print_time(step.time), step.where, width,
                                step.report ? "report " : "", step.what);
  if (!step.to.empty()) out += " " + base::escaped(step.to);
  if (!step.host.empty()) {
    const bool there = step.what == "delivered" || step.what == "submitted";
    out += (there ? " to " : " by ") + base::escaped(step.host);
  }
  if (!step.text.empty()) out += ": " + base::escaped(step.text, reply_octets_max);
  return out + "\n";
}

std::string journey_text(const Journey& journey, std::size_t width) {
  std::string out = fmt::format("\n{}  {} to {}", journey.token, base::escaped(journey.from),
                                base::escaped(joined(journey.to)));
  if (!journey.route.empty()) out += ", by way of " + base::escaped(joined(journey.route));
  out += "\n";
  const std::size_t count = journey.steps.size();
  const bool is_long = count > 2 * steps_at_ends + 1;
  for (std::size_t i = 0; i < count; ++i) {
    if (is_long && i == steps_at_ends) {
      out += fmt::format("  {:>15}  {} more\n", "…", count - 2 * steps_at_ends);
      i = count - steps_at_ends;
    }
    out += step_text(journey.steps[i], width);
  }
  if (journey.left_out > 0) out += fmt::format("  and {} more\n", journey.left_out);
  return out;
}

std::string end_text(const Result& result) {
  return (result.done ? "nothing was left to do after " : "stopped after ") +
         print_time(result.took);
}

}  // namespace

std::string print_time(base::Duration time) {
  const auto all = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  const auto seconds = all / 1'000;
  std::string out = seconds >= 86'400 ? fmt::format("{}d ", seconds / 86'400) : "";
  return out + fmt::format("{:02}:{:02}:{:02}.{:03}", seconds / 3'600 % 24, seconds / 60 % 60,
                           seconds % 60, all % 1'000);
}

std::string to_text(const Result& result, const ReportOptions& options) {
  std::string out = fmt::format("{}, seed {}: {}\n\n", base::escaped(options.file), options.seed,
                                end_text(result));
  out += ledger_text(result.totals);
  for (const Failure& failure : result.failures) {
    out +=
        fmt::format("  expected {} = {}, found {}\n", failure.key, failure.expected, failure.found);
  }
  for (std::size_t i = 0; i < std::min(result.lost.size(), lost_max); ++i) {
    out += fmt::format("  lost: {} to {}\n", result.lost[i].first,
                       base::escaped(result.lost[i].second));
  }
  std::size_t width = 0;
  for (const std::string& name : result.machines)
    width = std::max(width, std::min(name.size() + 1, name_width_max));
  const std::size_t shown = std::min(result.journeys.size(), options.journeys_max);
  for (std::size_t i = 0; i < shown; ++i) out += journey_text(result.journeys[i], width);
  if (shown < result.journeys.size()) {
    out += fmt::format("\nThese are {} of {} journeys; --journeys all shows them all.\n", shown,
                       result.journeys.size());
  }
  return out;
}

}  // namespace lab
