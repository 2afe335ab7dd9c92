#include "admin/trace_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "admin/json_text.h"

namespace admin {

namespace json = boost::json;

namespace {

json::value member(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? json::value(nullptr) : *value;
}

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

/// Whether the event tells how an attempt ended. An expiry tells that there will be none.
bool is_attempt(std::string_view event) {
  return event == "delivered" || event == "deferred" || event == "unknown" || event == "bounced";
}

json::object* find_recipient(json::array& recipients, std::string_view to) {
  for (json::value& recipient : recipients) {
    if (text_of(recipient.as_object(), "to") == to) return &recipient.as_object();
  }
  return nullptr;
}

json::object& recipient_named(json::array& recipients, std::string_view to) {
  if (json::object* known = find_recipient(recipients, to)) return *known;
  recipients.push_back(json::object{{"to", to},
                                    {"state", "ready"},
                                    {"next_attempt", nullptr},
                                    {"waits_for", nullptr},
                                    {"attempts", json::array()}});
  return recipients.back().as_object();
}

void take_received(const json::object& event, json::object& out, json::array& recipients) {
  out["from"] = member(event, "from");
  out["size"] = member(event, "size");
  out["received"] = member(event, "time");
  const json::value* to = event.if_contains("to");
  if (to == nullptr || !to->is_array()) return;
  for (const json::value& recipient : to->as_array()) {
    if (recipient.is_string()) recipient_named(recipients, recipient.as_string());
  }
}

void take_outcome(const json::object& event, json::array& recipients) {
  const std::string_view to = text_of(event, "to");
  const std::string_view name = text_of(event, "event");
  const std::string_view state = state_after(name);
  if (to.empty() || state.empty()) return;
  json::object& recipient = recipient_named(recipients, to);
  recipient["state"] = state;
  recipient["next_attempt"] = member(event, "next_attempt");
  if (!is_attempt(name)) return;
  json::object attempt;
  for (const std::string_view key : {"time", "host", "address", "tls", "reply"}) {
    attempt[key] = member(event, key);
  }
  attempt["outcome"] = name;
  recipient["attempts"].as_array().push_back(std::move(attempt));
}

/// Why it is not delivered, and what comes next.
std::string waits_for(const json::object& recipient) {
  const std::string_view state = text_of(recipient, "state");
  if (state == "held") return "an operator: it is held until `queue release`";
  const std::string_view reply = text_of(recipient, "last_reply");
  const std::string_view via = text_of(recipient, "via");
  const std::string_view next = text_of(recipient, "next_attempt");
  std::string out = next.empty() ? "its turn" : fmt::format("the next attempt at {}", next);
  if (!via.empty()) out += fmt::format(", by {}", via);
  if (!reply.empty()) out += fmt::format("; the last one ended with: {}", reply);
  if (reply.empty() && state == "ready") out += "; no attempt has ended yet";
  return out;
}

/// The queue knows best what comes next.
void take_queued(const json::object& queued, json::object& out, json::array& recipients) {
  for (const std::string_view key : {"id", "from", "size", "received"}) {
    if (const json::value* value = queued.if_contains(key)) out[key] = *value;
  }
  const json::value* owed = queued.if_contains("recipients");
  if (owed == nullptr || !owed->is_array()) return;
  for (const json::value& entry : owed->as_array()) {
    if (!entry.is_object()) continue;
    const json::object& status = entry.as_object();
    json::object& recipient = recipient_named(recipients, text_of(status, "to"));
    recipient["state"] = member(status, "state");
    recipient["next_attempt"] = member(status, "next_attempt");
    const std::string_view state = text_of(status, "state");
    if (state == "ready" || state == "deferred" || state == "held") {
      recipient["waits_for"] = waits_for(status);
    }
  }
}

}  // namespace

json::object describe_trace(std::span<const std::string> events, const json::object* queued) {
  json::object out{{"id", nullptr}, {"from", nullptr}, {"size", nullptr}, {"received", nullptr}};
  json::array recipients;
  json::array whole;
  for (const std::string& line : events) {
    boost::system::error_code error;
    json::value value = json::parse(line, error);
    if (error || !value.is_object()) continue;
    const json::object& event = value.as_object();
    if (!text_of(event, "id").empty()) out["id"] = text_of(event, "id");
    if (text_of(event, "event") == "received") take_received(event, out, recipients);
    take_outcome(event, recipients);
    whole.push_back(std::move(value));
  }
  if (queued != nullptr) take_queued(*queued, out, recipients);
  if (whole.empty() && queued == nullptr) return {};
  // What has ended waits for nothing.
  for (json::value& value : recipients) {
    json::object& recipient = value.as_object();
    const std::string_view state = text_of(recipient, "state");
    const bool final =
        state == "delivered" || state == "bounced" || state == "expired" || state == "dropped";
    if (final) recipient["next_attempt"] = nullptr;
  }
  out["recipients"] = std::move(recipients);
  out["events"] = std::move(whole);
  return out;
}

}  // namespace admin
