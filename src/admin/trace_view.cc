#include "admin/trace_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <deque>
#include <set>
#include <unordered_map>

#include "admin/json_text.h"
#include "admin/recipient_story.h"

namespace admin {

namespace json = boost::json;

namespace {

/// The recipients of one message, in the order in which they were first named.
class Stories {
 public:
  explicit Stories(const TraceInput& input);

  [[nodiscard]] std::deque<RecipientStory>& all() { return all_; }
  [[nodiscard]] json::object& message() { return message_; }
  [[nodiscard]] json::array& events() { return events_; }

 private:
  RecipientStory& of(std::string_view to) {
    const auto [known, is_new] = index_.try_emplace(std::string(to), all_.size());
    if (is_new) all_.emplace_back(to);
    return all_[known->second];
  }
  void take_received(const json::object& event);
  void take_queued(const json::object& queued);
  void quarantined(const json::object& damage, std::string_view why);

  std::deque<RecipientStory> all_;
  std::unordered_map<std::string, std::size_t> index_;
  json::object message_{{"id", nullptr},       {"from", nullptr},   {"size", nullptr},
                        {"received", nullptr}, {"client", nullptr}, {"auth", nullptr},
                        {"tls", nullptr},      {"about", nullptr}};
  json::array events_;
};

void Stories::take_received(const json::object& event) {
  for (const std::string_view key : {"from", "size", "client", "auth", "tls", "about"}) {
    message_[key] = member_of(event, key);
  }
  message_["received"] = member_of(event, "time");
  const json::value* to = event.if_contains("to");
  if (to == nullptr || !to->is_array()) return;
  for (const json::value& recipient : to->as_array()) {
    if (recipient.is_string()) of(recipient.as_string()).received(text_of(event, "time"));
  }
}

void Stories::take_queued(const json::object& queued) {
  for (const std::string_view key : {"id", "from", "size", "received"}) {
    const json::value* value = queued.if_contains(key);
    if (value != nullptr && message_[key].is_null()) message_[key] = *value;
  }
  if (text_of(queued, "state") == "quarantined")
    return quarantined(queued, text_of(queued, "what"));
  const json::value* owed = queued.if_contains("recipients");
  if (owed == nullptr || !owed->is_array()) return;
  for (const json::value& entry : owed->as_array()) {
    if (!entry.is_object()) continue;
    const json::object& status = entry.as_object();
    of(text_of(status, "to")).take_queued(status, text_of(queued, "received"));
  }
}

void Stories::quarantined(const json::object& damage, std::string_view why) {
  const json::value* offset = damage.if_contains("offset");
  const std::string place = offset != nullptr && offset->is_number()
                                ? fmt::format("{}, in {} at octet {}", why, text_of(damage, "file"),
                                              json::serialize(*offset))
                                : std::string(why);
  for (RecipientStory& story : all_) story.quarantined(place);
}

Stories::Stories(const TraceInput& input) {
  for (const std::string& line : input.events) {
    boost::system::error_code error;
    json::value value = json::parse(line, error);
    if (error || !value.is_object()) continue;
    const json::object& event = value.as_object();
    const std::string_view name = text_of(event, "event");
    if (!text_of(event, "id").empty()) message_["id"] = text_of(event, "id");
    if (name == "received") {
      take_received(event);
    } else if (name == "quarantined") {
      quarantined(event, text_of(event, "reason"));
    } else if (const auto to = text_of(event, "to"); !to.empty() && !name.empty()) {
      of(to).take(event);
    }
    events_.push_back(std::move(value));
  }
  if (input.queued != nullptr) take_queued(*input.queued);
}

}  // namespace

std::vector<std::string> hops_of(const TraceInput& input) {
  Stories stories(input);
  std::set<std::string> out;
  for (const RecipientStory& story : stories.all()) {
    for (std::string& hop : story.hops()) {
      if (out.size() < hops_max) out.insert(std::move(hop));
    }
  }
  return {out.begin(), out.end()};
}

json::object describe_trace(const TraceInput& input) {
  Stories stories(input);
  if (stories.events().empty() && input.queued == nullptr) return {};
  HopStories hops;
  for (const std::string& line : input.hop_records) {
    boost::system::error_code error;
    const json::value value = json::parse(line, error);
    if (!error) hops.take(value);
  }
  json::object out = std::move(stories.message());
  const std::size_t count = std::max<std::size_t>(stories.all().size(), 1);
  const std::size_t probes = std::clamp<std::size_t>(all_probes_max / count, 8, probes_max);
  json::array recipients;
  for (const RecipientStory& story : stories.all()) recipients.push_back(story.tell(hops, probes));
  out["recipients"] = std::move(recipients);
  out["events"] = std::move(stories.events());
  return out;
}

}  // namespace admin
