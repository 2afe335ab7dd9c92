#include "smtp/server_state.h"

namespace smtp {
namespace {

using State = ServerState;

// What is not here gets 503 5.5.1 [RFC5321 4.1.4]. Verbs that we do not implement are refused
// before.
constexpr ServerTransition transitions[] = {
    {State::connected, Verb::ehlo, State::greeted},
    {State::connected, Verb::helo, State::greeted},
    {State::connected, Verb::lhlo, State::greeted},
    {State::connected, Verb::rset, State::connected},
    {State::connected, Verb::noop, State::connected},
    {State::connected, Verb::help, State::connected},
    {State::connected, Verb::vrfy, State::connected},
    {State::connected, Verb::quit, State::closed},

    {State::greeted, Verb::ehlo, State::greeted},
    {State::greeted, Verb::helo, State::greeted},
    {State::greeted, Verb::lhlo, State::greeted},
    {State::greeted, Verb::starttls, State::starting_tls},
    {State::greeted, Verb::auth, State::authenticating},
    {State::greeted, Verb::mail, State::sender_given},
    {State::greeted, Verb::etrn, State::greeted},  // Not within a transaction [RFC1985 5].
    {State::greeted, Verb::rset, State::greeted},
    {State::greeted, Verb::noop, State::greeted},
    {State::greeted, Verb::help, State::greeted},
    {State::greeted, Verb::vrfy, State::greeted},
    {State::greeted, Verb::quit, State::closed},

    {State::sender_given, Verb::ehlo, State::greeted},
    {State::sender_given, Verb::helo, State::greeted},
    {State::sender_given, Verb::lhlo, State::greeted},
    {State::sender_given, Verb::rcpt, State::recipient_given},
    {State::sender_given, Verb::rset, State::greeted},
    {State::sender_given, Verb::noop, State::sender_given},
    {State::sender_given, Verb::help, State::sender_given},
    {State::sender_given, Verb::vrfy, State::sender_given},
    {State::sender_given, Verb::quit, State::closed},

    {State::recipient_given, Verb::ehlo, State::greeted},
    {State::recipient_given, Verb::helo, State::greeted},
    {State::recipient_given, Verb::lhlo, State::greeted},
    {State::recipient_given, Verb::rcpt, State::recipient_given},
    {State::recipient_given, Verb::data, State::content},
    {State::recipient_given, Verb::bdat, State::chunks_given},
    {State::recipient_given, Verb::rset, State::greeted},
    {State::recipient_given, Verb::noop, State::recipient_given},
    {State::recipient_given, Verb::help, State::recipient_given},
    {State::recipient_given, Verb::vrfy, State::recipient_given},
    {State::recipient_given, Verb::quit, State::closed},

    {State::chunks_given, Verb::ehlo, State::greeted},
    {State::chunks_given, Verb::helo, State::greeted},
    {State::chunks_given, Verb::lhlo, State::greeted},
    {State::chunks_given, Verb::bdat, State::chunks_given},
    {State::chunks_given, Verb::rset, State::greeted},
    {State::chunks_given, Verb::noop, State::chunks_given},
    {State::chunks_given, Verb::help, State::chunks_given},
    {State::chunks_given, Verb::vrfy, State::chunks_given},
    {State::chunks_given, Verb::quit, State::closed},
};

}  // namespace

std::optional<ServerState> server_transition(ServerState from, Verb verb) {
  for (const ServerTransition& transition : transitions) {
    if (transition.from == from && transition.verb == verb) return transition.to;
  }
  return std::nullopt;
}

std::string_view to_string(ServerState state) {
  switch (state) {
    case State::opened: return "opened";
    case State::connected: return "connected";
    case State::greeted: return "greeted";
    case State::sender_given: return "sender given";
    case State::recipient_given: return "recipient given";
    case State::content: return "content";
    case State::chunk: return "chunk";
    case State::chunks_given: return "chunks given";
    case State::authenticating: return "authenticating";
    case State::starting_tls: return "starting TLS";
    case State::closed: return "closed";
  }
  return {};
}

}  // namespace smtp
