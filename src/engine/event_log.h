#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/id.h"
#include "base/time.h"
#include "sys/clock.h"
#include "sys/loop.h"

namespace engine {

/// One line of the event log, being filled. Text from a peer is escaped here and nowhere else.
class Event {
 public:
  enum class Format : std::uint8_t { json, text };

  Event(Format format, base::WallTime time, std::string_view name);

  Event& id(base::MessageId id);
  Event& text(std::string_view key, std::string_view value);
  Event& text_or_null(std::string_view key, std::string_view value);  ///< Empty: null.
  Event& list(std::string_view key, std::span<const std::string> values);
  Event& number(std::string_view key, std::int64_t value);
  Event& seconds(std::string_view key, base::Duration value);  ///< With milliseconds.
  Event& time(std::string_view key, base::WallTime value);
  /// A value that is JSON already, made by ourselves.
  Event& json(std::string_view key, std::string_view value);
  /// What it is about in the trace, without a key: id() does this too.
  Event& about(base::MessageId id);

 private:
  friend class EventLog;
  void key(std::string_view name);
  void value(std::string_view text);
  void raw(std::string_view text);

  base::MessageId id_;
  std::string json_;
  std::string text_;  ///< Only if the log is of that format.
  bool has_text_;
};

/// Appends text of a peer as a JSON string, escaped as everywhere in the log.
void append_value(std::string& out, std::string_view text);

/// The event log of a server. Lines gather during one turn of the loop and are written together.
/// Used on one loop.
class EventLog {
 public:
  using Sink = std::function<void(std::string_view lines)>;  ///< Must not fail; whole lines.

  EventLog(Event::Format format, const sys::Clock& clock, sys::Loop& loop, Sink sink);
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  /// Gets each event of a message, as a JSON object, at once.
  using Trace = std::function<void(base::MessageId id, std::string_view json)>;
  void set_trace(Trace trace) { trace_ = std::move(trace); }

  [[nodiscard]] Event event(std::string_view name) const;
  void write(Event& event);

  /// Whether a trace is kept: only then are events of use that it alone gets.
  [[nodiscard]] bool is_traced() const { return trace_ != nullptr; }
  [[nodiscard]] Event trace_event(std::string_view name) const;
  [[nodiscard]] Event trace_event(std::string_view name, base::WallTime time) const;
  /// Not into the log.
  void write_trace(Event& event);
  void flush();
  /// Of events from now on.
  void set_format(Event::Format format) { format_ = format; }
  /// Lines wait for the end of this turn of the loop.
  [[nodiscard]] bool pending() const { return posted_; }

 private:
  struct Flush final : base::Posted {
    EventLog* log = nullptr;
  };

  Event::Format format_;
  const sys::Clock& clock_;
  sys::Loop& loop_;
  Sink sink_;
  Trace trace_;
  std::string pending_;
  Flush flush_;
  bool posted_ = false;
};

}  // namespace engine
