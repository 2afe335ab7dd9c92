#include <algorithm>
#include <boost/json.hpp>

#include "lab/report.h"

namespace lab {

namespace json = boost::json;

namespace {

std::int64_t milliseconds(base::Duration time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::array list(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

json::object describe(const Step& step) {
  return {{"time_ms", milliseconds(step.time)},
          {"where", step.where},
          {"what", step.what},
          {"to", text_or_null(step.to)},
          {"host", text_or_null(step.host)},
          {"text", text_or_null(step.text)},
          {"report", step.report}};
}

json::object describe(const Journey& journey) {
  json::array steps;
  for (const Step& step : journey.steps) steps.emplace_back(describe(step));
  return {{"message", journey.token},  {"from", journey.from},
          {"to", list(journey.to)},    {"route", list(journey.route)},
          {"steps", std::move(steps)}, {"left_out", journey.left_out}};
}

}  // namespace

std::string to_json(const Result& result, const ReportOptions& options) {
  json::object ledger;
  for (const auto& [name, value] : figures(result.totals)) ledger[name] = value;
  json::array failures, lost, journeys;
  for (const Failure& failure : result.failures) {
    failures.push_back(
        {{"key", failure.key}, {"expected", failure.expected}, {"found", failure.found}});
  }
  for (const auto& [token, recipient] : result.lost)
    lost.push_back({{"message", token}, {"to", recipient}});
  const std::size_t shown = std::min(result.journeys.size(), options.journeys_max);
  for (std::size_t i = 0; i < shown; ++i) journeys.emplace_back(describe(result.journeys[i]));
  const json::object out = {{"file", options.file},
                            {"seed", options.seed},
                            {"ended", result.done ? "done" : "time"},
                            {"simulated_ms", milliseconds(result.took)},
                            {"balances", result.balances()},
                            {"ledger", std::move(ledger)},
                            {"not_as_expected", std::move(failures)},
                            {"lost", std::move(lost)},
                            {"machines", list(result.machines)},
                            {"messages", result.journeys.size()},
                            {"journeys", std::move(journeys)}};
  return json::serialize(out) + "\n";
}

}  // namespace lab
