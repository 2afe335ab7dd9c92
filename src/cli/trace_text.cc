#include "cli/trace_text.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "admin/json_text.h"
#include "cli/queue_text.h"

namespace cli {

namespace json = boost::json;
using admin::text_of;

namespace {

/// `2026-11-25 03:28:30.123`, of the RFC 3339 form.
std::string moment(std::string_view time) {
  std::string out(time.substr(0, time.find('Z')));
  if (const std::size_t between = out.find('T'); between != out.npos) out[between] = ' ';
  return out;
}

/// "by mx.b.test 192.0.2.9:25, TLSv1.3: 250 ok", as far as it is known.
std::string particulars(const json::object& event) {
  std::string out;
  const std::string_view host = text_of(event, "host");
  const std::string_view via = text_of(event, "via");
  if (!host.empty()) {
    out += fmt::format("  {} {}", host, text_of(event, "address"));
  } else if (!via.empty()) {
    out += fmt::format("  {}", via);
  }
  if (const auto tls = text_of(event, "tls"); !tls.empty()) out += fmt::format(", {}", tls);
  if (const auto reply = text_of(event, "reply"); !reply.empty()) out += fmt::format(": {}", reply);
  if (const auto next = text_of(event, "next_attempt"); !next.empty()) {
    out += fmt::format("; next attempt {}", moment(next));
  }
  if (const auto report = text_of(event, "dsn"); !report.empty()) {
    out += fmt::format("; reported by {}", report);
  }
  return out;
}

std::string recipient_text(const json::object& recipient, const json::array& events) {
  const std::string_view to = text_of(recipient, "to");
  std::string out = fmt::format("to <{}>: {}\n", to, text_of(recipient, "state"));
  if (const auto waits = text_of(recipient, "waits_for"); !waits.empty()) {
    out += fmt::format("  waits for {}\n", waits);
  }
  for (const json::value& value : events) {
    const json::object& event = value.as_object();
    if (text_of(event, "to") != to) continue;
    out += fmt::format("  {}  {:<9}{}\n", moment(text_of(event, "time")), text_of(event, "event"),
                       particulars(event));
  }
  return out;
}

std::string size_of(const json::object& trace) {
  const json::value* size = trace.if_contains("size");
  if (size == nullptr || !size->is_number()) return "of unknown size";
  return size_text(size->to_number<std::uint64_t>());
}

}  // namespace

std::string trace_text(const json::object& trace) {
  const json::array& events = trace.at("events").as_array();
  std::string out =
      fmt::format("{}  from <{}>, {}, received {}\n", text_of(trace, "id"), text_of(trace, "from"),
                  size_of(trace), moment(text_of(trace, "received")));
  for (const json::value& value : events) {
    const json::object& event = value.as_object();
    if (text_of(event, "event") != "received") continue;
    const std::string_view client = text_of(event, "client");
    out += client.empty() ? "  made here" : fmt::format("  by {}", client);
    if (const auto auth = text_of(event, "auth"); !auth.empty()) {
      out += fmt::format(", logged in as {}", auth);
    }
    if (const auto tls = text_of(event, "tls"); !tls.empty()) out += fmt::format(", {}", tls);
    out += '\n';
  }
  for (const json::value& recipient : trace.at("recipients").as_array()) {
    out += recipient_text(recipient.as_object(), events);
  }
  return out;
}

}  // namespace cli
