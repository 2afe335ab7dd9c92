#include "smtp/server_session.h"

#include <utility>

#include "base/assert.h"
#include "smtp/server_replies.h"

namespace smtp {

ServerSession::ServerSession(const ServerOptions& options, base::Instant now)
    : options_(options), deadline_(now + options.idle_timeout), tls_(options.tls_at_once) {}

void ServerSession::greet() {
  PH_ASSERT(state_ == ServerState::opened);
  state_ = ServerState::connected;
  if (stopping_) return close_if_stopping();
  append_wire(replies::greeting(options_.hostname), output_);
}

void ServerSession::refuse(const Reply& reply) {
  PH_ASSERT(state_ == ServerState::opened);
  send(reply);
  close(ServerCloseReason::refused);
}

std::size_t ServerSession::receive(std::string_view octets, base::Instant now) {
  std::size_t used = 0;
  while (used < octets.size() && takes_input()) {
    const std::string_view rest = octets.substr(used);
    if (state_ == ServerState::content) {
      used += receive_content(rest, now);
    } else if (state_ == ServerState::chunk) {
      used += receive_chunk(rest, now);
    } else {
      used += receive_line(rest, now);
    }
  }
  // Whoever listens in could have put these octets before the handshake [RFC3207 6].
  if (state_ == ServerState::starting_tls && used < octets.size()) {
    event_.reset();
    close(ServerCloseReason::injected);
  }
  return state_ == ServerState::closed ? octets.size() : used;
}

bool ServerSession::takes_input() const {
  return question_ == Question::none && !event_ && state_ != ServerState::opened &&
         state_ != ServerState::starting_tls && state_ != ServerState::closed;
}

std::optional<Event> ServerSession::next_event() {
  if (!event_ && state_ == ServerState::chunk && chunk_.left == 0) end_chunk();
  return std::exchange(event_, std::nullopt);
}

void ServerSession::tls_started() {
  PH_ASSERT(state_ == ServerState::starting_tls);
  state_ = ServerState::connected;
  tls_ = true;
  extended_ = false;
  authenticated_ = false;
  hello_.clear();
  answered_ = true;
  close_if_stopping();
}

void ServerSession::output_sent(std::size_t octets) {
  PH_ASSERT(octets <= output_.size() - output_sent_);
  output_sent_ += octets;
  if (output_sent_ < output_.size()) return;
  output_sent_ = 0;
  // An idle session should not keep what a busy one needed.
  constexpr std::size_t kept_octets_max = 1'024;
  if (output_.capacity() > kept_octets_max) output_ = std::string();
  output_.clear();
}

void ServerSession::tick(base::Instant now) {
  if (now < deadline_ || state_ == ServerState::closed) return;
  if (answered_ || question_ != Question::none) {
    answered_ = false;
    deadline_ = now + options_.idle_timeout;
    return;
  }
  if (state_ != ServerState::starting_tls) send(replies::timed_out(options_.hostname));
  close(ServerCloseReason::timed_out);
}

void ServerSession::shutdown() {
  stopping_ = true;
  close_if_stopping();
}

void ServerSession::close_if_stopping() {
  const bool idle = state_ == ServerState::connected || state_ == ServerState::greeted ||
                    state_ == ServerState::authenticating;
  if (!stopping_ || !idle || question_ != Question::none) return;
  send(replies::stopping(options_.hostname));
  close(ServerCloseReason::stopping);
}

void ServerSession::close_for_abuse() {
  send(replies::abuse(options_.hostname));
  close(ServerCloseReason::abuse);
}

void ServerSession::close(ServerCloseReason reason) {
  state_ = ServerState::closed;
  question_ = Question::none;
  close_reason_ = reason;
  line_.clear();
}

void ServerSession::send(const Reply& reply) {
  const int reply_class = reply.code / 100;
  if (reply_class == 3 || (reply.enhanced && reply.enhanced->class_digit == reply_class)) {
    append_wire(reply, output_);
    return;
  }
  Reply completed = reply;
  completed.enhanced = EnhancedStatus{static_cast<std::uint8_t>(reply_class), 0, 0};
  append_wire(completed, output_);
}

void ServerSession::refuse_command(const Reply& reply) {
  // In octets. Enough for the log to show what it was.
  constexpr std::size_t shown_octets_max = 512;
  if (!event_)
    event_ = CommandRefused{std::string(refused_line_.substr(0, shown_octets_max)), reply};
  if (reply.is_permanent() && ++bad_commands_ > options_.abuse.bad_commands) {
    close_for_abuse();
  } else {
    send(reply);
  }
}

void ServerSession::ask(Question question, Event event) {
  PH_ASSERT(question_ == Question::none && !event_);
  question_ = question;
  event_ = std::move(event);
}

bool ServerSession::in_transaction() const {
  return state_ == ServerState::sender_given || state_ == ServerState::recipient_given ||
         state_ == ServerState::chunks_given;
}

void ServerSession::end_transaction() {
  if (state_ == ServerState::chunks_given) answered_ = true;  // The deadline is that of content.
  state_ = ServerState::greeted;
  recipients_ = 0;
  smtputf8_ = false;
}

std::string_view to_string(ServerCloseReason reason) {
  switch (reason) {
    case ServerCloseReason::quit: return "quit";
    case ServerCloseReason::refused: return "refused";
    case ServerCloseReason::timed_out: return "timed out";
    case ServerCloseReason::abuse: return "too many errors";
    case ServerCloseReason::bare_cr_or_lf: return "bare CR or LF";
    case ServerCloseReason::http: return "another protocol";
    case ServerCloseReason::injected: return "input after STARTTLS";
    case ServerCloseReason::content_too_large: return "message far too large";
    case ServerCloseReason::stopping: return "stopping";
  }
  return {};
}

}  // namespace smtp
