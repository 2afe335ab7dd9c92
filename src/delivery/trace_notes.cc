#include "delivery/trace_notes.h"

#include <algorithm>

#include "trace/find.h"

namespace delivery {
namespace {

std::string as_json(const std::vector<route::Step>& steps, std::size_t most) {
  std::string out = "[";
  for (std::size_t i = 0; i < std::min(steps.size(), most); ++i) {
    if (i > 0) out += ',';
    out += R"({"what":)";
    engine::append_value(out, steps[i].what);
    out += R"(,"why":)";
    engine::append_value(out, steps[i].why);
    out += '}';
  }
  return out + ']';
}

std::string as_json(const std::vector<route::Host>& hosts) {
  std::string out = "[";
  for (const route::Host& host : hosts) {
    if (out.size() > 1) out += ',';
    out += R"({"preference":)" + std::to_string(host.preference);
    out += R"(,"name":)";
    engine::append_value(out, host.name);
    out += R"(,"addresses":[)";
    for (const base::IpAddress& address : host.addresses) {
      if (out.back() != '[') out += ',';
      engine::append_value(out, address.to_string());
    }
    out += "]}";
  }
  return out + ']';
}

}  // namespace

void TraceNotes::routed(base::MessageId id, std::string_view to, std::string_view via,
                        const std::vector<route::Step>& steps) {
  engine::Event event = log_.trace_event("routed");
  event.id(id).text("to", to).text("via", via).json("steps", as_json(steps, steps_max));
  log_.write_trace(event);
}

void TraceNotes::unreached(const Attempt& attempt, const std::string& reply, base::WallTime time,
                           base::WallTime next_attempt) {
  if (!wanted()) return;
  engine::Event event = log_.trace_event("unreached", time);
  event.about(trace::hop_id(attempt.via))
      .text("via", attempt.via)
      .text_or_null("host", attempt.host)
      .text_or_null("address", attempt.address)
      .text_or_null("tls", attempt.tls)
      .text_or_null("reply", reply)
      .time("next_attempt", next_attempt);
  log_.write_trace(event);
}

void TraceNotes::found(const std::string& via, const std::vector<route::Host>& hosts,
                       const std::vector<route::Step>& steps, base::Instant now) {
  // Hosts of one preference, and addresses of one host, come in random order.
  std::vector<std::string> all;
  for (const route::Host& host : hosts) {
    for (const base::IpAddress& address : host.addresses) {
      all.push_back(std::to_string(host.preference) + host.name + ' ' + address.to_string());
    }
  }
  std::ranges::sort(all);
  std::string joined;
  for (const std::string& one : all) joined += one + '\n';
  const std::size_t hash = std::hash<std::string>{}(joined);
  if (told_.size() > hops_max) told_.clear();
  const auto [known, is_new] = told_.try_emplace(via);
  Told& told = known->second;
  if (!is_new && told.hash == hash && told.time + told_anew_after > now) return;
  told = {hash, now};
  engine::Event event = log_.trace_event("found");
  event.about(trace::hop_id(via)).text("via", via).json("hosts", as_json(hosts));
  event.json("steps", as_json(steps, steps_max));
  log_.write_trace(event);
}

void TraceNotes::retried(base::MessageId id, std::string_view to) {
  if (!wanted()) return;
  engine::Event event = log_.trace_event("retried");
  event.id(id).text("to", to).text("by", "operator");
  log_.write_trace(event);
}

}  // namespace delivery
