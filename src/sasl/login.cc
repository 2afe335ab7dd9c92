#include "sasl/login.h"

#include "sasl/text.h"

namespace sasl {

Step LoginServer::start(std::optional<std::string_view> initial) {
  if (state_ != State::fresh) return fail(FailureCode::unexpected_state);
  state_ = State::name_asked;
  if (initial) return respond(*initial);
  return Challenge{"Username:"};
}

Step LoginServer::respond(std::string_view octets) {
  switch (state_) {
    case State::name_asked: return take_name(octets);
    case State::password_asked: return take_password(octets);
    case State::fresh:
    case State::ended: break;
  }
  return fail(FailureCode::unexpected_state);
}

Step LoginServer::take_name(std::string_view octets) {
  if (octets.size() > name_octets_max) return fail(FailureCode::too_long);
  if (!is_text(octets)) return fail(FailureCode::malformed);
  name_ = octets;
  state_ = State::password_asked;
  return Challenge{"Password:"};
}

Step LoginServer::take_password(std::string_view octets) {
  if (octets.size() > password_octets_max) return fail(FailureCode::too_long);
  if (!is_text(octets)) return fail(FailureCode::malformed);
  state_ = State::ended;
  return Credentials{std::move(name_), crypto::Secret(octets)};
}

Step LoginServer::fail(FailureCode code) {
  state_ = State::ended;
  return Failed{code};
}

ClientStep LoginClient::respond(std::string_view) {
  if (challenges_ == 2) return GivenUp{"a challenge too many"};
  ++challenges_;
  return challenges_ == 1 ? crypto::Secret(user_) : password_.clone();
}

}  // namespace sasl
