#include "engine/event_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.h"
#include "base/escape.h"

namespace engine {

namespace {

/// Nothing in it needs an escape, whoever has written it.
bool is_plain(std::string_view text) {
  constexpr std::size_t shown_max = 2'048;  // Of base::escaped().
  return text.size() <= shown_max && std::ranges::all_of(text, [](char c) {
           return c >= ' ' && c <= '~' && c != '"' && c != '\\';
         });
}

}  // namespace

void append_value(std::string& out, std::string_view text) {
  if (!is_plain(text)) {
    out += base::json_quoted(base::escaped(text));
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

Event::Event(Format format, base::WallTime time, std::string_view name)
    : has_text_(format == Format::text) {
  json_.reserve(384);
  fmt::format_to(std::back_inserter(json_), R"({{"time":"{}","event":"{}")", base::rfc3339(time),
                 name);
  if (has_text_) fmt::format_to(std::back_inserter(text_), "{} {}", base::rfc3339(time), name);
}

void Event::key(std::string_view name) {
  fmt::format_to(std::back_inserter(json_), R"(,"{}":)", name);
  if (has_text_) fmt::format_to(std::back_inserter(text_), " {}=", name);
}

void Event::raw(std::string_view text) {
  json_ += text;
  if (has_text_) text_ += text;
}

void Event::value(std::string_view text) {
  const std::size_t start = json_.size();
  append_value(json_, text);
  if (has_text_) text_ += std::string_view(json_).substr(start);
}

Event& Event::about(base::MessageId id) {
  id_ = id;
  return *this;
}

Event& Event::id(base::MessageId id) {
  id_ = id;
  key("id");
  value(base::to_string(id));
  return *this;
}

Event& Event::text(std::string_view name, std::string_view content) {
  key(name);
  value(content);
  return *this;
}

Event& Event::text_or_null(std::string_view name, std::string_view content) {
  if (!content.empty()) return text(name, content);
  return json(name, "null");
}

Event& Event::list(std::string_view name, std::span<const std::string> values) {
  key(name);
  raw("[");
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) raw(",");
    value(values[i]);
  }
  raw("]");
  return *this;
}

Event& Event::number(std::string_view name, std::int64_t content) {
  return json(name, fmt::format("{}", content));
}

Event& Event::seconds(std::string_view name, base::Duration content) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(content).count();
  return json(name, fmt::format("{}.{:03}", ms / 1'000, ms % 1'000));
}

Event& Event::time(std::string_view name, base::WallTime content) {
  return text(name, base::rfc3339(content));
}

Event& Event::json(std::string_view name, std::string_view content) {
  key(name);
  raw(content);
  return *this;
}

EventLog::EventLog(Event::Format format, const sys::Clock& clock, sys::Loop& loop, Sink sink)
    : format_(format), clock_(clock), loop_(loop), sink_(std::move(sink)) {
  flush_.log = this;
  flush_.run = [](base::Posted& posted) noexcept {
    EventLog& log = *static_cast<Flush&>(posted).log;
    log.posted_ = false;
    log.flush();
  };
}

EventLog::~EventLog() {
  PH_ASSERT(!posted_);
  flush();
}

Event EventLog::event(std::string_view name) const { return {format_, clock_.wall(), name}; }

void EventLog::write(Event& event) {
  event.json_ += '}';
  pending_ += format_ == Event::Format::json ? event.json_ : event.text_;
  pending_ += '\n';
  if (trace_ && event.id_.value != 0) trace_(event.id_, event.json_);
  if (std::exchange(posted_, true)) return;
  loop_.post(flush_, flush_);
}

Event EventLog::trace_event(std::string_view name) const {
  return trace_event(name, clock_.wall());
}

Event EventLog::trace_event(std::string_view name, base::WallTime time) const {
  return {Event::Format::json, time, name};
}

void EventLog::write_trace(Event& event) {
  if (!trace_ || event.id_.value == 0) return;
  event.json_ += '}';
  trace_(event.id_, event.json_);
}

void EventLog::flush() {
  if (pending_.empty()) return;
  sink_(pending_);
  pending_.clear();
}

}  // namespace engine
