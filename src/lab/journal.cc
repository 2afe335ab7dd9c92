#include "lab/journal.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/address.h"
#include "lab/in_order.h"
#include "lab/ledger.h"

namespace lab {

namespace json = boost::json;

namespace {

constexpr std::string_view accepted_as = "accepted as ";

std::string text_of(const json::object& event, std::string_view key) {
  const json::value* value = event.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

/// The name that a server of ours gave to what it took; empty: there is none.
std::string id_in(std::string_view reply) {
  const std::size_t at = reply.find(accepted_as);
  if (at == reply.npos) return {};
  reply.remove_prefix(at + accepted_as.size());
  return std::string(reply.substr(0, reply.find_first_of(" \r\n")));
}

std::string word_behind(std::string_view text, std::string_view keyword) {
  const std::size_t at = text.find(keyword);
  if (at == text.npos) return {};
  text.remove_prefix(at + keyword.size());
  return std::string(text.substr(0, text.find_first_of(" ;\t\r\n")));
}

}  // namespace

void Journal::name_machine(const std::string& address, const std::string& name) {
  machines_[address] = name;
}

void Journal::begin(const std::string& token, std::string from, std::vector<std::string> to,
                    std::vector<std::string> route) {
  if (!by_token_.try_emplace(token, journeys_.size()).second) return;
  journeys_.push_back({token, std::move(from), std::move(to), std::move(route)});
}

void Journal::add(const std::string& token, Step step) {
  const auto found = by_token_.find(token);
  if (found != by_token_.end()) put(journeys_[found->second], std::move(step));
}

template <class Steps>
void Journal::put(Steps& to, Step step) {
  if (to.steps.size() < steps_max && steps_ < all_steps_max) {
    ++steps_;
    to.steps.push_back(std::move(step));
  } else {
    ++to.left_out;
  }
}

void Journal::take_event(const std::string& server, base::Duration time, std::string_view line) {
  boost::system::error_code error;
  const json::value parsed = json::parse(line, error);
  const json::object* event = error ? nullptr : parsed.if_object();
  const std::string id = event != nullptr ? text_of(*event, "id") : "";
  if (id.empty()) return;
  Step step{.time = time, .where = server, .what = text_of(*event, "event")};
  step.to = text_of(*event, "to");
  step.text = text_of(*event, "reply");
  if (step.text.empty()) step.text = text_of(*event, "reason");
  const auto address = base::Endpoint::parse(text_of(*event, "address"));
  const auto machine = address ? machines_.find(address->address.to_string()) : machines_.end();
  step.host = machine != machines_.end() ? machine->second : text_of(*event, "host");

  const Name name{server, id};
  if (const std::string report = text_of(*event, "dsn"); !report.empty()) {
    link_names(name, {server, report}, true);
  }
  if (const std::string next = id_in(step.text); !next.empty() && machine != machines_.end()) {
    link_names(name, {machine->second, next}, false);
  }
  const auto known = known_.find(name);
  if (known != known_.end()) {
    step.report = known->second.report;
    put(journeys_[known->second.journey], std::move(step));
    return;
  }
  put(waiting_[name], std::move(step));
}

void Journal::link_reply(const std::string& token, const std::string& server,
                         std::string_view reply) {
  const auto journey = by_token_.find(token);
  const std::string id = id_in(reply);
  if (journey != by_token_.end() && !id.empty()) link({server, id}, {journey->second});
}

/// `by NAME … with ESMTP id ID` in each.
void Journal::link_content(std::string_view content) {
  const auto journey = by_token_.find(token_in(content));
  if (journey == by_token_.end()) return;
  const bool report = is_report(content);
  std::string_view header = content.substr(0, content.find("\r\n\r\n"));
  while (!header.empty()) {
    std::size_t end = header.find("\r\n");
    while (end != header.npos && end + 2 < header.size() &&
           (header[end + 2] == ' ' || header[end + 2] == '\t')) {
      end = header.find("\r\n", end + 2);
    }
    std::string field(header.substr(0, end));
    std::ranges::replace_if(field, [](char c) { return c == '\t' || c == '\r' || c == '\n'; }, ' ');
    header.remove_prefix(std::min(end == header.npos ? end : end + 2, header.size()));
    if (!field.starts_with("Received:")) continue;
    const std::string id = word_behind(field, " id ");
    const auto machine = machines_.find(word_behind(field, " by "));
    if (!id.empty() && machine != machines_.end()) {
      link({machine->second, id}, {journey->second, report});
    }
  }
}

void Journal::link_names(const Name& name, const Name& other, bool report) {
  const auto known = known_.find(name);
  if (known != known_.end()) {
    link(other, {known->second.journey, known->second.report || report});
  } else {
    (report ? waiting_[name].reports : waiting_[name].same).push_back(other);
  }
}

void Journal::link(const Name& name, const Known& known) {
  std::vector<std::pair<Name, Known>> links = {{name, known}};
  while (!links.empty()) {
    const auto [next, as] = std::move(links.back());
    links.pop_back();
    if (!known_.try_emplace(next, as).second) continue;
    auto waiting = waiting_.extract(next);
    if (waiting.empty()) continue;
    Journey& journey = journeys_[as.journey];
    journey.left_out += waiting.mapped().left_out;
    steps_ -= waiting.mapped().steps.size();
    for (Step& step : waiting.mapped().steps) {
      step.report = as.report;
      put(journey, std::move(step));
    }
    for (Name& same : waiting.mapped().same) links.emplace_back(std::move(same), as);
    for (Name& report : waiting.mapped().reports) {
      links.emplace_back(std::move(report), Known{as.journey, true});
    }
  }
}

void Journal::finish() {
  for (const auto& [name, waiting] : waiting_) {
    unlinked_ += waiting.steps.size() + waiting.left_out;
  }
  waiting_.clear();
  for (Journey& journey : journeys_) {
    put_in_order(journey.steps, &Step::time);
  }
}

}  // namespace lab
