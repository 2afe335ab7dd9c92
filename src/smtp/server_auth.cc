#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/base64.h"
#include "smtp/server_replies.h"
#include "smtp/server_session.h"

// AUTH [RFC4954 4]: carries the octets of a mechanism, and knows none.
namespace smtp {

bool ServerSession::offers_auth() const {
  return !options_.auth_mechanisms.empty() && (tls_ || options_.auth_without_tls);
}

void ServerSession::handle_auth(std::string_view argument) {
  auto command = parse_auth(argument);
  if (!command) return refuse_command(reply_to(command.error(), Verb::auth));
  const auto& offered = options_.auth_mechanisms;
  if (std::ranges::find(offered, command->mechanism) == offered.end()) {
    return refuse_command(replies::unknown_mechanism());
  }
  state_ = ServerState::authenticating;
  ask(Question::auth,
      AuthStarted{std::move(command->mechanism), std::move(command->initial_response)});
}

void ServerSession::handle_auth_response(std::string_view line) {
  if (line == "*") return end_auth(replies::authentication_cancelled());
  auto octets = base::base64_decode(line);
  if (!octets) return end_auth(replies::bad_base64());
  ask(Question::auth, AuthResponse{std::move(*octets)});
}

/// Ends an exchange without the driver.
void ServerSession::end_auth(const Reply& reply) {
  event_ = AuthCancelled{};
  state_ = ServerState::greeted;
  refuse_command(reply);
  close_if_stopping();
}

void ServerSession::answer_auth_challenge(std::string_view octets) {
  PH_ASSERT(question_ == Question::auth);
  question_ = Question::none;
  answered_ = true;
  // Not by append_wire(): a challenge may be longer than a reply line.
  output_ += "334 " + base::base64_encode(octets) + "\r\n";
  close_if_stopping();
}

void ServerSession::answer_auth(const Reply& reply) {
  PH_ASSERT(question_ == Question::auth);
  question_ = Question::none;
  answered_ = true;
  state_ = ServerState::greeted;
  authenticated_ = reply.is_positive();
  if (reply.code == 421) {
    send(reply);
    return close(ServerCloseReason::refused);
  }
  if (reply.is_permanent() && ++failed_auths_ > options_.abuse.failed_auths) {
    return close_for_abuse();
  }
  send(reply);
  close_if_stopping();
}

}  // namespace smtp
