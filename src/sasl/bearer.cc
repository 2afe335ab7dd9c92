#include "sasl/bearer.h"

#include <algorithm>

#include "sasl/scram_text.h"

namespace sasl {

bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= token_octets_max &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

std::optional<crypto::Secret> BearerClient::start() {
  state_ = State::said;
  std::string message = head();
  message.append("auth=Bearer ");
  message.append(token_.reveal());
  message.append("\1\1");
  crypto::Secret out(message);
  crypto::wipe(message);
  return out;
}

ClientStep BearerClient::respond(std::string_view) {
  if (state_ != State::said) return GivenUp{"a challenge too many"};
  state_ = State::refused;
  return crypto::Secret(resignation());
}

///     client-resp = (gs2-header kvsep *kvpair kvsep) / kvsep        [RFC7628 3.1]
///     kvpair      = key "=" value kvsep
std::string OauthBearerClient::head() const { return "n,a=" + print_saslname(user()) + ",\1"; }

///     "user=" {User} "^A" "auth=Bearer " {Token} "^A^A"
std::string Xoauth2Client::head() const { return "user=" + user() + "\1"; }

}  // namespace sasl
