#include "sasl/plain.h"

#include "sasl/text.h"

namespace sasl {

Step PlainServer::start(std::optional<std::string_view> initial) {
  if (waiting_) return Failed{FailureCode::unexpected_state};
  waiting_ = true;
  if (initial) return respond(*initial);
  return Challenge{};
}

Step PlainServer::respond(std::string_view octets) {
  if (!std::exchange(waiting_, false)) return Failed{FailureCode::unexpected_state};
  return parse_plain(octets);
}

Step parse_plain(std::string_view message) {
  if (message.size() > response_octets_max) return Failed{FailureCode::too_long};
  const std::size_t first = message.find('\0');
  if (first == message.npos) return Failed{FailureCode::malformed};
  const std::size_t second = message.find('\0', first + 1);
  if (second == message.npos) return Failed{FailureCode::malformed};

  const std::string_view authorization_id = message.substr(0, first);
  const std::string_view authentication_id = message.substr(first + 1, second - first - 1);
  const std::string_view password = message.substr(second + 1);
  if (authentication_id.size() > name_octets_max || password.size() > password_octets_max) {
    return Failed{FailureCode::too_long};
  }
  if (!is_text(authentication_id) || !is_text(password)) return Failed{FailureCode::malformed};
  if (!authorization_id.empty() && !is_text(authorization_id)) {
    return Failed{FailureCode::malformed};
  }
  if (!authorization_id.empty() && authorization_id != authentication_id) {
    return Failed{FailureCode::other_identity};
  }
  return Credentials{std::string(authentication_id), crypto::Secret(password)};
}

crypto::Secret PlainClient::message() const {
  std::string message;
  message.reserve(user_.size() + password_.size() + 2);
  message.push_back('\0');
  message.append(user_);
  message.push_back('\0');
  message.append(password_.reveal());
  crypto::Secret out(message);
  crypto::wipe(message);
  return out;
}

std::optional<crypto::Secret> PlainClient::start() {
  said_ = true;
  return message();
}

ClientStep PlainClient::respond(std::string_view challenge) {
  // Some servers ignore the initial response, and ask for it with an empty challenge.
  if (!challenge.empty() || std::exchange(said_again_, true)) {
    return GivenUp{"a challenge too many"};
  }
  return message();
}

}  // namespace sasl
