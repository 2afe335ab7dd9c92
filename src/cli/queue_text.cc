#include "cli/queue_text.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "admin/json_text.h"

namespace cli {

namespace json = boost::json;
using admin::text_of;

namespace {

std::uint64_t number_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return 0;
  return value->to_number<std::uint64_t>();
}

/// `2026-11-25 03:28:30`, of the RFC 3339 form.
std::string time_text(std::string_view time) {
  constexpr std::size_t date_octets = 10;
  constexpr std::size_t seconds_end = 19;
  if (time.size() < seconds_end) return std::string(time);
  std::string out(time.substr(0, seconds_end));
  out[date_octets] = ' ';
  return out;
}

std::string recipient_text(const json::object& recipient) {
  const std::uint64_t attempts = number_of(recipient, "attempts");
  std::string out =
      fmt::format("    {}  {}", text_of(recipient, "to"), text_of(recipient, "state"));
  if (attempts != 0) out += fmt::format(", {} attempt{}", attempts, attempts == 1 ? "" : "s");
  if (const auto next = text_of(recipient, "next_attempt"); !next.empty()) {
    out += ", next " + time_text(next);
  }
  if (const auto via = text_of(recipient, "via"); !via.empty()) out += fmt::format(", via {}", via);
  if (const auto reply = text_of(recipient, "last_reply"); !reply.empty()) {
    out += fmt::format("\n        {}", reply);
  }
  return out + '\n';
}

std::string recipients_text(const json::object& message) {
  std::string out;
  const json::value* recipients = message.if_contains("recipients");
  if (recipients == nullptr || !recipients->is_array()) return out;
  for (const json::value& recipient : recipients->as_array()) {
    if (recipient.is_object()) out += recipient_text(recipient.as_object());
  }
  return out;
}

std::string member_text(const json::value& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? std::string(value.as_string()) : json::serialize(value);
}

}  // namespace

std::string size_text(std::uint64_t octets) {
  constexpr const char* units[] = {"KiB", "MiB", "GiB"};
  if (octets < 1024) return fmt::format("{} B", octets);
  double size = static_cast<double>(octets) / 1024;
  std::size_t unit = 0;
  while (size >= 1024 && unit + 1 < std::size(units)) {
    size /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", size, units[unit]);
}

std::string queue_heading() {
  return fmt::format("{:<13}  {:<11}  {:>10}  {:<19}  {}\n", "ID", "STATE", "SIZE",
                     "RECEIVED (UTC)", "FROM");
}

std::string queue_text(const json::object& message) {
  if (!message.contains("recipients")) {
    return fmt::format("{:<13}  {:<11}  {} at octet {}: {}\n", text_of(message, "id"),
                       text_of(message, "state"), text_of(message, "file"),
                       number_of(message, "offset"), text_of(message, "what"));
  }
  return fmt::format("{:<13}  {:<11}  {:>10}  {:<19}  <{}>\n", text_of(message, "id"),
                     text_of(message, "state"), size_text(number_of(message, "size")),
                     time_text(text_of(message, "received")), text_of(message, "from")) +
         recipients_text(message);
}

std::string describe_message(const json::object& message) {
  std::string out;
  for (const auto& [key, value] : message) {
    if (key == "recipients") continue;
    out += fmt::format("{:<11}  {}\n", std::string_view(key), member_text(value));
  }
  return message.contains("recipients") ? out + "recipients\n" + recipients_text(message) : out;
}

}  // namespace cli
