#include "engine/event_log.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "base/assert.h"
#include "base/escape.h"

namespace engine {

Event::Event(Format format, base::WallTime time, std::string_view name) : format_(format) {
  line_.reserve(384);
  if (format_ == Format::json) {
    fmt::format_to(std::back_inserter(line_), R"({{"time":"{}","event":"{}")", base::rfc3339(time),
                   name);
  } else {
    fmt::format_to(std::back_inserter(line_), "{} {}", base::rfc3339(time), name);
  }
}

void Event::key(std::string_view name) {
  if (format_ == Format::json) {
    fmt::format_to(std::back_inserter(line_), R"(,"{}":)", name);
  } else {
    fmt::format_to(std::back_inserter(line_), " {}=", name);
  }
}

void Event::value(std::string_view text) { line_ += base::json_quoted(base::escaped(text)); }

Event& Event::id(base::MessageId id) {
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
  key(name);
  line_ += "null";
  return *this;
}

Event& Event::list(std::string_view name, std::span<const std::string> values) {
  key(name);
  line_ += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) line_ += ',';
    value(values[i]);
  }
  line_ += ']';
  return *this;
}

Event& Event::number(std::string_view name, std::int64_t content) {
  key(name);
  fmt::format_to(std::back_inserter(line_), "{}", content);
  return *this;
}

Event& Event::seconds(std::string_view name, base::Duration content) {
  key(name);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(content).count();
  fmt::format_to(std::back_inserter(line_), "{}.{:03}", ms / 1'000, ms % 1'000);
  return *this;
}

Event& Event::time(std::string_view name, base::WallTime content) {
  return text(name, base::rfc3339(content));
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
  pending_ += event.line_;
  pending_ += format_ == Event::Format::json ? "}\n" : "\n";
  if (std::exchange(posted_, true)) return;
  loop_.post(flush_, flush_);
}

void EventLog::flush() {
  if (pending_.empty()) return;
  sink_(pending_);
  pending_.clear();
}

}  // namespace engine
