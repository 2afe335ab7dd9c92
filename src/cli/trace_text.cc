#include "cli/trace_text.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <map>

#include "admin/json_text.h"
#include "admin/time_words.h"
#include "admin/trace_answer.h"
#include "cli/queue_text.h"

namespace cli {

namespace json = boost::json;
using admin::text_of;

namespace {

const json::array& list_of(const json::object& object, std::string_view key) {
  static const json::array none;
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_array() ? value->as_array() : none;
}

/// The lines about one recipient, with their times.
class Lines {
 public:
  explicit Lines(const admin::TimeWords& times) : times_(times) {}

  void take_decisions(const json::object& recipient);
  void take_attempts(const json::array& attempts);
  void take_actions(const json::array& actions);
  [[nodiscard]] std::string text() const;

 private:
  [[nodiscard]] std::string clock(std::string_view time) const {
    const auto parsed = admin::parse_rfc3339(time);
    return parsed ? times_.clock(*parsed) : std::string(time);
  }
  void add(const json::object& object, std::string text) {
    lines_.emplace(text_of(object, "time"), std::move(text));
  }

  const admin::TimeWords& times_;
  std::multimap<std::string, std::string> lines_;  ///< By time, RFC 3339.
};

std::string steps_text(const json::object& object, bool with_hosts) {
  std::string out;
  for (const json::value& step : list_of(object, "steps")) {
    out += fmt::format("\n      - {}: {}", text_of(step.as_object(), "what"),
                       text_of(step.as_object(), "why"));
  }
  if (!with_hosts || !list_of(object, "steps").empty()) return out;
  for (const json::value& host : list_of(object, "hosts")) {
    out += fmt::format("\n      - {}", text_of(host.as_object(), "name"));
  }
  return out;
}

void Lines::take_decisions(const json::object& recipient) {
  for (const json::value& value : list_of(recipient, "decisions")) {
    const json::object& decision = value.as_object();
    add(decision,
        fmt::format("goes by {}{}", text_of(decision, "via"), steps_text(decision, false)));
  }
  const json::value* found = recipient.if_contains("found");
  if (found == nullptr || !found->is_object()) return;
  const json::object& object = found->as_object();
  add(object, fmt::format("{} leads to{}", text_of(object, "via"), steps_text(object, true)));
}

std::string attempt_text(const json::object& attempt) {
  const std::string_view outcome = text_of(attempt, "outcome");
  const std::string place = admin::place_of(attempt);
  const std::string_view tls = text_of(attempt, "tls");
  const std::string_view reply = text_of(attempt, "reply");
  std::string out(outcome == "unknown" ? "outcome unknown" : outcome);
  if (outcome == "delivered") {
    if (!place.empty()) out += " to " + place;
    if (!tls.empty()) out += fmt::format(", {}", tls);
    if (!reply.empty()) out += fmt::format(": {}", reply);
    return out;
  }
  out += ": " + admin::failure_of(attempt);
  return tls.empty() ? out : out + fmt::format(" ({})", tls);
}

/// Attempts that failed alike, one after the other, are one line.
void Lines::take_attempts(const json::array& attempts) {
  for (std::size_t i = 0; i < attempts.size();) {
    const json::object& first = attempts[i].as_object();
    std::size_t end = i + 1;
    while (end < attempts.size() && admin::is_alike(attempts[end].as_object(), first)) ++end;
    std::string text = attempt_text(first);
    if (end - i > 1) {
      text += fmt::format("; {} times until {}", end - i,
                          clock(text_of(attempts[end - 1].as_object(), "time")));
    }
    add(first, std::move(text));
    i = end;
  }
}

void Lines::take_actions(const json::array& actions) {
  for (const json::value& value : actions) {
    const json::object& action = value.as_object();
    std::string text = fmt::format("{} by an operator", text_of(action, "action"));
    if (const auto via = text_of(action, "via"); !via.empty()) text += fmt::format(" to {}", via);
    add(action, std::move(text));
  }
}

std::string Lines::text() const {
  std::string out;
  for (const auto& [time, text] : lines_) out += fmt::format("  {}  {}\n", clock(time), text);
  return out;
}

std::string recipient_text(const json::object& recipient, const admin::TimeWords& times) {
  Lines lines(times);
  lines.take_decisions(recipient);
  lines.take_attempts(list_of(recipient, "attempts"));
  lines.take_actions(list_of(recipient, "actions"));
  std::string out =
      fmt::format("\nto <{}>: {}\n", text_of(recipient, "to"), text_of(recipient, "state"));
  if (const json::value* more = recipient.if_contains("attempts_left_out")) {
    out += fmt::format("  (and {} earlier attempts like these)\n", more->to_number<std::size_t>());
  }
  out += lines.text();
  for (const json::value& report : list_of(recipient, "dsn")) {
    out += fmt::format("  reported to the sender by message {}\n",
                       std::string_view(report.as_string()));
  }
  return out + fmt::format("  {}\n", text_of(recipient, "answer"));
}

std::string size_of(const json::object& trace) {
  const json::value* size = trace.if_contains("size");
  if (size == nullptr || !size->is_number()) return "of unknown size";
  return size_text(size->to_number<std::uint64_t>());
}

/// How it came in.
std::string arrival_text(const json::object& trace, const admin::TimeWords& times) {
  const auto received = admin::parse_rfc3339(text_of(trace, "received"));
  if (!received) return "  when it came in is not known any more\n";
  std::string out = fmt::format("  came in {}", times.at(*received));
  if (const auto about = text_of(trace, "about"); !about.empty()) {
    out = fmt::format("  made here {}: a report about message {}", times.at(*received), about);
  }
  if (const auto client = text_of(trace, "client"); !client.empty()) {
    out += fmt::format(" from {}", client);
  }
  if (const auto auth = text_of(trace, "auth"); !auth.empty()) {
    out += fmt::format(", logged in as {}", auth);
  }
  if (const auto tls = text_of(trace, "tls"); !tls.empty()) out += fmt::format(", {}", tls);
  return out + '\n';
}

}  // namespace

std::string trace_text(const json::object& trace, const admin::TimeWords& times) {
  std::string out = fmt::format("Message {} from <{}>, {}\n", text_of(trace, "id"),
                                text_of(trace, "from"), size_of(trace));
  out += arrival_text(trace, times);
  for (const json::value& recipient : list_of(trace, "recipients")) {
    out += recipient_text(recipient.as_object(), times);
  }
  return out;
}

}  // namespace cli
