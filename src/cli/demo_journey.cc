#include "cli/demo_journey.h"

#include <algorithm>
#include <boost/json.hpp>

#include "admin/json_text.h"
#include "admin/time_words.h"

namespace cli {
namespace {

using admin::text_of;

/// The header section's fields, each unfolded into one line.
std::vector<std::string> fields_of(std::string_view message) {
  std::vector<std::string> out;
  while (!message.empty()) {
    const std::size_t end = std::min(message.find('\n'), message.size());
    std::string_view line = message.substr(0, end);
    message.remove_prefix(std::min(end + 1, message.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    const bool folded = line.front() == ' ' || line.front() == '\t';
    if (folded && !out.empty()) {
      out.back() += ' ';
      out.back() += line.substr(line.find_first_not_of(" \t"));
    } else {
      out.emplace_back(line);
    }
  }
  return out;
}

/// The word behind another one.
std::string word_after(std::string_view text, std::string_view word) {
  const std::size_t at = text.find(word);
  if (at == text.npos) return {};
  text.remove_prefix(at + word.size());
  return std::string(text.substr(0, text.find_first_of(" ;")));
}

}  // namespace

bool DemoJourney::is_over(std::size_t servers) const {
  return visits.size() == servers && std::ranges::all_of(visits, &DemoVisit::is_done);
}

void DemoJourney::take(std::string_view server, const boost::json::object& event) {
  const std::string_view name = text_of(event, "event");
  const auto time = admin::parse_rfc3339(text_of(event, "time")).value_or(base::WallTime{});
  if (name == "received") {
    visits.push_back({.server = std::string(server), .received = time, .done = time});
    return;
  }
  if (name != "delivered") return;
  const auto visit = std::ranges::find(visits, server, &DemoVisit::server);
  if (visit == visits.end()) return;
  visit->done = time;
  visit->host = text_of(event, "host");
  visit->address = text_of(event, "address");
  visit->tls = text_of(event, "tls");
  visit->is_done = true;
}

void DemoJourney::take_message(std::string_view message) {
  for (const std::string& field : fields_of(message)) {
    if (field.starts_with("Return-Path: ")) return_path = field.substr(13);
    if (field.starts_with("Received: ")) {
      received.push_back({word_after(field, "from "), word_after(field, " by ")});
    }
  }
}

}  // namespace cli
