#include "admin/recipient_story.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "admin/json_text.h"
#include "admin/waiting.h"

namespace admin {

namespace json = boost::json;

namespace {

/// Later than every time that is ever written.
constexpr std::string_view end_of_time = "~";

/// What an event says about a recipient's state; empty: nothing.
std::string_view state_after(std::string_view event) {
  if (event == "unknown") return "deferred";
  if (event == "released") return "ready";
  for (const std::string_view state :
       {"deferred", "held", "delivered", "bounced", "expired", "dropped"}) {
    if (event == state) return state;
  }
  return {};
}

bool is_final(std::string_view state) {
  return state == "delivered" || state == "bounced" || state == "expired" || state == "dropped";
}

/// Whether the event tells how an attempt ended. An expiry tells that there will be none, and what
/// an operator ends was not tried.
bool is_attempt(std::string_view event, bool by_operator) {
  if (event == "bounced") return !by_operator;
  return event == "delivered" || event == "deferred" || event == "unknown";
}

json::object attempt_of(const json::object& event, std::string_view outcome) {
  json::object out;
  for (const std::string_view key : {"time", "host", "address", "tls", "reply"}) {
    out[key] = member_of(event, key);
  }
  out["outcome"] = outcome;
  return out;
}

std::string waits_for(const json::object& status) {
  const std::string_view state = text_of(status, "state");
  const std::string_view reply = text_of(status, "last_reply");
  const std::string_view via = text_of(status, "via");
  const std::string_view next = text_of(status, "next_attempt");
  const auto what = parse_waits_for(text_of(status, "waits"));
  const WaitsFor without = state == "held"       ? WaitsFor::an_operator
                           : state == "deferred" ? WaitsFor::retry
                                                 : WaitsFor::turn;
  const Waiting waiting{what.value_or(without), std::string(text_of(status, "waits_subject"))};
  std::string out = words_of(waiting, next);
  if (state == "held") return out;
  if (!via.empty()) out += fmt::format(", by {}", via);
  if (!reply.empty()) out += fmt::format("; the last one ended with: {}", reply);
  if (reply.empty() && state == "ready") out += "; no attempt has ended yet";
  return out;
}

}  // namespace

json::value member_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? json::value(nullptr) : *value;
}

void HopStories::take(const json::value& event) {
  if (!event.is_object()) return;
  const json::object& object = event.as_object();
  const std::string_view name = text_of(object, "event");
  Story& story = stories_[std::string(text_of(object, "via"))];
  if (name == "unreached") story.unreached.push_back(object);
  if (name == "found") story.found.push_back(object);
}

const std::vector<json::object>& HopStories::unreached(std::string_view via) const {
  static const std::vector<json::object> none;
  const auto story = stories_.find(via);
  return story == stories_.end() ? none : story->second.unreached;
}

const json::object* HopStories::found(std::string_view via, std::string_view time) const {
  const auto story = stories_.find(via);
  if (story == stories_.end()) return nullptr;
  const json::object* out = nullptr;
  for (const json::object& found : story->second.found) {
    if (text_of(found, "time") <= time) out = &found;
  }
  return out;
}

void RecipientStory::set_via(std::string_view via, std::string_view time) {
  if (via.empty() || via == via_) return;
  if (!via_.empty() && !waits_since_.empty()) {
    end_wait(time);
    waits_since_ = time;
  }
  via_ = via;
}

void RecipientStory::end_wait(std::string_view time) {
  if (waits_since_.empty()) return;
  if (!via_.empty()) ended_waits_.push_back({via_, waits_since_, std::string(time)});
  waits_since_.clear();
}

void RecipientStory::take_attempt(const json::object& event, std::string_view outcome) {
  attempts_.push_back(attempt_of(event, outcome));
  // It is one with the attempt of the next hop, if that was recorded.
  const std::string_view unreached = text_of(event, "unreached");
  if (!unreached.empty()) {
    attempts_.back()["unreached"] = unreached;
    attempts_.back()["via"] = member_of(event, "via");
  }
}

void RecipientStory::take_action(const json::object& event, std::string_view action) {
  json::object out{{"time", member_of(event, "time")}, {"action", action}};
  if (action == "rerouted") out["via"] = member_of(event, "via");
  actions_.push_back(std::move(out));
}

void RecipientStory::take(const json::object& event) {
  const std::string_view name = text_of(event, "event");
  const std::string_view time = text_of(event, "time");
  const bool by_operator = text_of(event, "by") == "operator";
  last_ = std::max(last_, std::string(time));
  if (name == "routed") {
    set_via(text_of(event, "via"), time);
    decisions_.push_back(json::object{
        {"time", time}, {"via", member_of(event, "via")}, {"steps", member_of(event, "steps")}});
    return;
  }
  if (const auto report = text_of(event, "dsn"); !report.empty()) {
    reports_.push_back(json::value(report));
  }
  if (by_operator) take_action(event, name);
  const std::string_view state = state_after(name);
  if (state.empty()) return;
  const bool attempted = is_attempt(name, by_operator);
  if (attempted) {
    set_via(text_of(event, "via"), time);
    take_attempt(event, name);
  }
  state_ = state;
  next_attempt_ = member_of(event, "next_attempt");
  if (state == "held" || is_final(state)) end_wait(time);
  if (name == "released") waits_since_ = time;
}

void RecipientStory::take_queued(const json::object& status, std::string_view received) {
  state_ = text_of(status, "state");
  next_attempt_ = member_of(status, "next_attempt");
  if (is_final(state_)) return;
  waits_for_ = waits_for(status);
  waits_ = text_of(status, "waits");
  waits_subject_ = text_of(status, "waits_subject");
  // The trace may have begun later, or lost its beginning.
  if (waits_since_.empty() && state_ != "held") waits_since_ = received;
  if (via_.empty()) set_via(text_of(status, "via"), received);
}

void RecipientStory::quarantined(std::string_view why) {
  if (is_final(state_)) return;
  state_ = "quarantined";
  next_attempt_ = nullptr;
  waits_.clear();
  waits_for_ = fmt::format("an operator: what was stored of it is damaged ({})", why);
}

std::vector<RecipientStory::Wait> RecipientStory::waits() const {
  std::vector<Wait> out = ended_waits_;
  if (!waits_since_.empty() && !via_.empty()) {
    out.push_back({via_, waits_since_, std::string(end_of_time)});
  }
  return out;
}

std::vector<std::string> RecipientStory::hops() const {
  std::vector<std::string> out;
  for (const Wait& wait : waits()) out.push_back(wait.via);
  return out;
}

json::array RecipientStory::attempts(const HopStories& hops, std::size_t probes,
                                     std::size_t& left_out) const {
  std::deque<json::object> probed;
  std::vector<std::string_view> seen;
  for (const Wait& wait : waits()) {
    for (const json::object& event : hops.unreached(wait.via)) {
      const std::string_view time = text_of(event, "time");
      if (time < wait.from || time > wait.to) continue;
      seen.push_back(time);
      probed.push_back(attempt_of(event, "deferred"));
      if (probed.size() <= probes) continue;
      probed.pop_front();
      ++left_out;
    }
  }
  std::multimap<std::string, json::object> in_order;
  const auto add = [&](json::object& attempt) {
    in_order.emplace(text_of(attempt, "time"), std::move(attempt));
  };
  for (json::object& attempt : probed) add(attempt);
  for (json::object attempt : attempts_) {
    const std::string_view unreached = text_of(attempt, "unreached");
    if (!unreached.empty() && std::ranges::find(seen, unreached) != seen.end()) continue;
    attempt.erase("unreached");
    attempt.erase("via");
    add(attempt);
  }
  json::array out;
  for (auto& [time, attempt] : in_order) out.push_back(std::move(attempt));
  return out;
}

json::value RecipientStory::found(const HopStories& hops) const {
  const bool is_over = is_final(state_);
  const json::object* event = hops.found(via_, is_over ? std::string_view(last_) : end_of_time);
  if (event == nullptr) return nullptr;
  json::object out;
  for (const std::string_view key : {"time", "via", "hosts", "steps"}) {
    out[key] = member_of(*event, key);
  }
  return out;
}

json::object RecipientStory::tell(const HopStories& hops, std::size_t probes) const {
  std::size_t left_out = 0;
  json::array attempts = this->attempts(hops, probes, left_out);
  json::object out{{"to", to_}, {"state", state_}};
  out["via"] = via_.empty() ? json::value(nullptr) : json::value(via_);
  // What has ended waits for nothing.
  out["next_attempt"] = is_final(state_) ? json::value(nullptr) : next_attempt_;
  out["waits_for"] =
      waits_for_.empty() || is_final(state_) ? json::value(nullptr) : json::value(waits_for_);
  if (!waits_.empty() && !is_final(state_)) out["waits"] = waits_;
  if (!waits_subject_.empty()) out["waits_subject"] = waits_subject_;
  out["attempts"] = std::move(attempts);
  if (left_out > 0) out["attempts_left_out"] = left_out;
  out["decisions"] = decisions_;
  out["found"] = found(hops);
  out["actions"] = actions_;
  out["dsn"] = reports_;
  return out;
}

}  // namespace admin
