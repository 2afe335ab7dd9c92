#include "smtp/client_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/ascii.h"
#include "base/assert.h"
#include "base/base64.h"
#include "smtp/client_transaction.h"

namespace smtp {

/// In octets. What every server takes as a command line [RFC5321 4.5.3.1.4].
constexpr std::size_t command_line_octets_min = 512;

using base::Instant;
using Progress = ClientTransaction::Progress;

ClientSession::ClientSession(ClientOptions options, Instant now)
    : options_(std::move(options)), deadline_(now + options_.timeouts.greeting) {
  PH_ASSERT(!options_.helo.empty());
  PH_ASSERT(std::ranges::none_of(options_.helo,
                                 [](char c) { return base::is_control(c) || base::is_space(c); }));
}
ClientSession::~ClientSession() = default;
ClientSession::ClientSession(ClientSession&&) noexcept = default;
ClientSession& ClientSession::operator=(ClientSession&&) noexcept = default;

// ---- Input ----------------------------------------------------------------------------------

void ClientSession::receive(std::string_view octets, Instant now) {
  while (!octets.empty() && state_ != State::closed) {
    if (state_ == State::tls_handshake) {
      // In plain text behind the 220: injected, or worthless [RFC3207 5].
      return close(CloseReason::protocol_error, nullptr, "octets in plain text before TLS");
    }
    auto reply = parser_.next(octets);
    if (!reply) {
      return close(CloseReason::protocol_error, nullptr, std::string(describe(reply.error().code)));
    }
    if (*reply) take_reply(std::move(**reply), now);
  }
}

void ClientSession::take_reply(Reply taken, Instant now) {
  const auto reply = std::make_shared<const Reply>(std::move(taken));
  const bool answers_quit = state_ == State::quitting;
  const bool introducing =
      state_ == State::greeting || state_ == State::ehlo || state_ == State::helo;
  // In LMTP it may be the answer for one recipient, and the others have theirs.
  const bool for_one =
      options_.protocol == Protocol::lmtp && transaction_ && stage() == Stage::final_dot;
  if (reply->code == 421 && !answers_quit && !introducing && !for_one) {
    // At any time [RFC5321 3.8].
    return close(CloseReason::service_closing, reply, {});
  }
  switch (state_) {
    case State::greeting: return take_greeting(reply, now);
    case State::ehlo: return take_ehlo(reply, now);
    case State::helo: return take_helo(reply, now);
    case State::starttls: return take_starttls(reply, now);
    case State::login_replied: return take_auth(reply, now);
    case State::transaction: return take_in_transaction(reply, now);
    case State::login_wanted:
    case State::login_challenge:
    case State::login_ended:
    case State::ready: return close(CloseReason::protocol_error, reply, "reply to nothing");
    case State::quitting: return close(CloseReason::quit, reply, {});
    case State::tls_handshake:
    case State::closed: break;
  }
  PH_ASSERT(false);
}

void ClientSession::connection_lost() {
  if (state_ == State::closed) return;
  drop_output();
  close(state_ == State::quitting ? CloseReason::quit : CloseReason::lost, nullptr, {});
}

void ClientSession::tick(Instant now) {
  if (state_ == State::closed || now < deadline_) return;
  close(state_ == State::quitting ? CloseReason::quit : CloseReason::timed_out, nullptr, {});
}

// ---- From the greeting to Ready -------------------------------------------------------------

void ClientSession::take_greeting(const ReplyPointer& reply, Instant now) {
  if (reply->is_intermediate()) return close(CloseReason::protocol_error, reply, {});
  if (!reply->is_positive()) return close(CloseReason::refused, reply, {});
  say_ehlo(now);
}

void ClientSession::say_ehlo(Instant now) {
  const std::string_view verb = options_.protocol == Protocol::lmtp ? "LHLO" : "EHLO";
  say(fmt::format("{} {}\r\n", verb, options_.helo), State::ehlo, options_.timeouts.command, now);
}

/// Old servers know HELO only, and say so in several ways [RFC5321 3.2]; LMTP has none such
/// [RFC2033 4.1].
void ClientSession::take_ehlo(const ReplyPointer& reply, Instant now) {
  if (reply->is_intermediate()) return close(CloseReason::protocol_error, reply, {});
  const bool lmtp = options_.protocol == Protocol::lmtp;
  if (reply->is_transient() || (lmtp && reply->is_permanent())) {
    return close(CloseReason::refused, reply, {});
  }
  if (reply->is_permanent()) {
    capabilities_ = {};
    return say(fmt::format("HELO {}\r\n", options_.helo), State::helo, options_.timeouts.command,
               now);
  }
  capabilities_ = parse_capabilities(reply->text);
  greeted(now);
}

void ClientSession::take_helo(const ReplyPointer& reply, Instant now) {
  if (reply->is_intermediate()) return close(CloseReason::protocol_error, reply, {});
  if (!reply->is_positive()) return close(CloseReason::refused, reply, {});
  greeted(now);
}

void ClientSession::greeted(Instant now) {
  if (!options_.tls_on && options_.tls != TlsPolicy::off) {
    if (capabilities_.starttls) {
      return say("STARTTLS\r\n", State::starttls, options_.timeouts.command, now);
    }
    if (options_.tls == TlsPolicy::required) {
      return close(CloseReason::tls_unavailable, nullptr, "STARTTLS is not offered");
    }
  }
  log_in();
}

void ClientSession::take_starttls(const ReplyPointer& reply, Instant now) {
  if (reply->is_intermediate()) return close(CloseReason::protocol_error, reply, {});
  if (reply->is_positive()) {
    state_ = State::tls_handshake;
    deadline_ = now + options_.timeouts.tls_handshake;
    events_.emplace_back(StartTls{});
    return;
  }
  if (options_.tls == TlsPolicy::required) {
    return close(CloseReason::tls_unavailable, reply, "STARTTLS was refused");
  }
  log_in();  // The conversation goes on as if nothing had been said [RFC3207 4].
}

/// What was said in plain text is forgotten: it may have been anybody's [RFC3207 4.2].
void ClientSession::tls_started(Instant now) {
  if (state_ == State::closed) return;
  PH_ASSERT(state_ == State::tls_handshake);
  options_.tls_on = true;
  capabilities_ = {};
  say_ehlo(now);
}

void ClientSession::log_in() {
  if (!options_.login) return ready();
  if (!options_.tls_on) {
    return close(CloseReason::auth_failed, nullptr, "credentials are never sent without TLS");
  }
  if (capabilities_.auth_mechanisms.empty()) {
    return close(CloseReason::auth_failed, nullptr, "AUTH is not offered");
  }
  state_ = State::login_wanted;
  deadline_ = Instant::max();
  events_.emplace_back(LoginWanted{});
}

/// AUTH is a command, and bounded as one: a longer initial response waits until it is asked for
/// [RFC4954 4].
void ClientSession::begin_login(std::string_view mechanism, std::optional<std::string_view> initial,
                                Instant now) {
  if (state_ == State::closed) return;
  PH_ASSERT(state_ == State::login_wanted);
  std::string line = fmt::format("AUTH {}", mechanism);
  bool is_secret = false;
  if (initial) {
    // An empty one is said as "=".
    const std::string encoded = initial->empty() ? "=" : base::base64_encode(*initial);
    if (line.size() + 1 + encoded.size() + 2 <= command_line_octets_min) {
      line += ' ' + encoded;
      is_secret = true;
    } else {
      initial_response_ = *initial;
    }
  }
  say(line + "\r\n", State::login_replied, options_.timeouts.command, now);
  output_is_secret_ = is_secret;
}

void ClientSession::take_auth(const ReplyPointer& reply, Instant now) {
  if (reply->is_positive()) {
    state_ = State::login_ended;
    deadline_ = Instant::max();
    events_.emplace_back(LoginEnded{});
    return;
  }
  if (!reply->is_intermediate()) return close(CloseReason::auth_failed, reply, {});
  state_ = State::login_challenge;
  if (const auto initial = std::exchange(initial_response_, std::nullopt)) {
    return respond(*initial, now);
  }
  auto challenge = base::base64_decode(reply->text);
  if (!challenge) return abandon_login("the challenge is no base 64");
  deadline_ = Instant::max();
  events_.emplace_back(LoginChallenge{*std::move(challenge)});
}

void ClientSession::respond(std::string_view octets, Instant now) {
  if (state_ == State::closed) return;
  PH_ASSERT(state_ == State::login_challenge);
  say(base::base64_encode(octets) + "\r\n", State::login_replied, options_.timeouts.command, now);
  output_is_secret_ = true;
}

void ClientSession::login_verified() {
  if (state_ == State::closed) return;
  PH_ASSERT(state_ == State::login_ended);
  ready();
}

void ClientSession::abandon_login(std::string why) {
  if (state_ == State::closed) return;
  if (state_ == State::login_challenge) output_ += "*\r\n";
  close(CloseReason::auth_failed, nullptr, std::move(why));
}

void ClientSession::ready() {
  state_ = State::ready;
  deadline_ = Instant::max();
  events_.emplace_back(Ready{});
}

// ---- Transactions ---------------------------------------------------------------------------

void ClientSession::begin(Transaction transaction, Instant now) {
  PH_ASSERT(is_ready());
  if (const auto refusal = refusal_for(transaction, capabilities_)) {
    const RecipientResult result{Verdict::refused_here, Stage::mail,
                                 std::make_shared<const Reply>(*refusal)};
    events_.emplace_back(TransactionDone{{transaction.forward_paths.size(), result}});
    return;
  }
  const ClientTransaction::Options options{options_.protocol, must_reset_};
  auto begun = std::make_unique<ClientTransaction>(std::move(transaction), capabilities_, options);
  if (begun->has_nothing_to_say()) {
    events_.emplace_back(TransactionDone{begun->finish(Verdict::abandoned, nullptr)});
    return;
  }
  transaction_ = std::move(begun);
  state_ = State::transaction;
  transaction_->write_commands(output_);
  wait_for_transaction(now);
}

void ClientSession::take_in_transaction(const ReplyPointer& reply, Instant now) {
  switch (transaction_->take_reply(reply, output_)) {
    case Progress::waiting: return wait_for_transaction(now);
    case Progress::content_wanted:
      events_.emplace_back(ContentWanted{transaction_->verbatim()});
      return wait_for_transaction(now);
    case Progress::done:
      finish_transaction();
      if (reply->code == 421) close(CloseReason::service_closing, reply, {});
      return;
    case Progress::protocol_error: return close(CloseReason::protocol_error, reply, {});
  }
}

void ClientSession::wait_for_transaction(Instant now) {
  const ClientTimeouts& timeouts = options_.timeouts;
  const Stage stage = transaction_->stage();
  deadline_ = now + (stage == Stage::data        ? timeouts.data
                     : stage == Stage::content   ? timeouts.content_block
                     : stage == Stage::final_dot ? timeouts.final_dot
                                                 : timeouts.command);
}

void ClientSession::content_progress(Instant now) {
  if (state_ == State::closed) return;
  PH_ASSERT(stage() == Stage::content || stage() == Stage::final_dot);
  wait_for_transaction(now);
}

void ClientSession::content_ends(Instant now) {
  if (state_ == State::closed) return;
  PH_ASSERT(stage() == Stage::content);
  transaction_->content_ends();
  wait_for_transaction(now);
}

void ClientSession::finish_transaction() {
  must_reset_ = transaction_->is_open();
  events_.emplace_back(TransactionDone{transaction_->finish(Verdict::abandoned, nullptr)});
  transaction_.reset();
  state_ = State::ready;
  deadline_ = Instant::max();
}

// ---- The end --------------------------------------------------------------------------------

void ClientSession::quit(Instant now) {
  if (state_ == State::closed) return;
  PH_ASSERT(is_ready());
  say("QUIT\r\n", State::quitting, options_.timeouts.quit, now);
}

/// Ends the session, and a transaction with it. What was not begun by the driver yet is taken back.
/// Says QUIT where the peer may still expect a command [RFC5321 4.1.1.10].
void ClientSession::close(CloseReason reason, ReplyPointer reply, std::string explanation) {
  const Stage where = stage();
  std::erase_if(events_, [](const ClientEvent& event) {
    return !std::holds_alternative<TransactionDone>(event);
  });
  if (transaction_) {
    const bool closing = reason == CloseReason::service_closing;
    const Verdict rest = closing                     ? Verdict::transient
                         : where == Stage::final_dot ? Verdict::unknown
                                                     : Verdict::lost;
    events_.emplace_back(TransactionDone{transaction_->finish(rest, reply)});
    transaction_.reset();
  }
  const bool says_quit = reason == CloseReason::refused || reason == CloseReason::tls_unavailable ||
                         reason == CloseReason::auth_failed;
  if (!says_quit) drop_output();
  if (says_quit) output_ += "QUIT\r\n";
  events_.emplace_back(Closed{reason, where, std::move(reply), std::move(explanation)});
  state_ = State::closed;
  deadline_ = Instant::max();
}

Stage ClientSession::stage() const {
  switch (state_) {
    case State::greeting: return Stage::greeting;
    case State::ehlo:
    case State::helo: return Stage::ehlo;
    case State::starttls:
    case State::tls_handshake: return Stage::starttls;
    case State::login_replied:
    case State::login_challenge:
    case State::login_ended: return Stage::auth;
    case State::login_wanted: return Stage::ehlo;
    case State::transaction: return transaction_->stage();
    case State::ready: return Stage::idle;
    case State::quitting:
    case State::closed: return Stage::quit;
  }
  std::unreachable();
}

// ---- Output and events ----------------------------------------------------------------------

void ClientSession::say(std::string_view command, State next, base::Duration timeout, Instant now) {
  output_ += command;
  state_ = next;
  deadline_ = now + timeout;
}

std::string_view ClientSession::output() const {
  return std::string_view(output_).substr(output_sent_);
}

void ClientSession::output_sent(std::size_t octets) {
  PH_ASSERT(octets <= output().size());
  output_sent_ += octets;
  if (output_sent_ == output_.size()) drop_output();
}

void ClientSession::drop_output() {
  output_.clear();
  output_sent_ = 0;
  output_is_secret_ = false;
}

std::optional<ClientEvent> ClientSession::next_event() {
  if (events_.empty()) return std::nullopt;
  ClientEvent event = std::move(events_.front());
  events_.erase(events_.begin());
  return event;
}

}  // namespace smtp
