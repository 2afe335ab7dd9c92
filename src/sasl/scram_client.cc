#include "sasl/scram_client.h"

#include <fmt/format.h>

#include <charconv>

#include "base/base64.h"
#include "sasl/scram_text.h"

namespace sasl {
namespace {

/// "n": we know no channel binding; no authorization identity. In base 64, too [RFC5802 7].
constexpr std::string_view gs2_header = "n,,";
constexpr std::string_view channel_binding = "biws";

///     posit-number = %x31-39 *DIGIT        [RFC5802 7]
[[nodiscard]] std::optional<unsigned> parse_iterations(std::string_view text) {
  unsigned out = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, out);
  if (error != std::errc() || at != end || text.starts_with('0')) return std::nullopt;
  return out;
}

}  // namespace

///     client-first-message-bare = username "," nonce        [RFC5802 7]
std::optional<crypto::Secret> ScramClient::start() {
  first_bare_ = fmt::format("n={},r={}", print_saslname(user_), nonce_);
  return crypto::Secret(std::string(gs2_header) + first_bare_);
}

ClientStep ScramClient::respond(std::string_view challenge) {
  switch (state_) {
    case State::first_awaited: return take_first(challenge);
    case State::final_awaited: return take_final(challenge);
    case State::key_awaited:
    case State::complete:
    case State::ended: break;
  }
  return give_up("a challenge too many");
}

///     server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count [","
///     extensions]
///
/// An extension that must be known ("m") we do not know; others do not matter [RFC5802 5.1].
ClientStep ScramClient::take_first(std::string_view message) {
  std::string_view rest = message;
  const auto nonce = value_of(take_item(rest), 'r');
  const auto salt_text = value_of(take_item(rest), 's');
  const auto iterations_text = value_of(take_item(rest), 'i');
  if (!nonce || !salt_text || !iterations_text) {
    return give_up("SCRAM: the server's first message is malformed");
  }
  if (!nonce->starts_with(nonce_) || !is_nonce(nonce->substr(nonce_.size()))) {
    return give_up("SCRAM: the server's nonce does not begin with ours, or is malformed");
  }
  auto salt = base::base64_decode(*salt_text);
  if (!salt || salt->empty() || salt->size() > salt_octets_max) {
    return give_up("SCRAM: the server's salt is malformed or too long");
  }
  const auto iterations = parse_iterations(*iterations_text);
  if (!iterations || *iterations < crypto::scram_iterations_min ||
      *iterations > client_iterations_max) {
    return give_up(fmt::format("SCRAM: expected {} to {} iterations", crypto::scram_iterations_min,
                               client_iterations_max));
  }
  nonce_ = *nonce;
  server_first_ = message;
  state_ = State::key_awaited;
  return KeyNeeded{*std::move(salt), *iterations};
}

///     client-final-message = channel-binding "," nonce "," proof        [RFC5802 7]
ClientStep ScramClient::give_key(const crypto::Secret& salted_password) {
  if (state_ != State::key_awaited) return give_up("no key was asked for");
  const std::string without_proof = fmt::format("c={},r={}", channel_binding, nonce_);
  const std::string auth_message =
      fmt::format("{},{},{}", first_bare_, server_first_, without_proof);
  crypto::ScramClientKeys keys = crypto::scram_client_keys(salted_password, auth_message);
  server_signature_ = std::move(keys.server_signature);
  state_ = State::final_awaited;
  return crypto::Secret(fmt::format("{},p={}", without_proof, base::base64_encode(keys.proof)));
}

///     server-final-message = (server-error / verifier) ["," extensions]        [RFC5802 7]
ClientStep ScramClient::take_final(std::string_view message) {
  std::string_view rest = message;
  const std::string_view item = take_item(rest);
  if (value_of(item, 'e')) return give_up("SCRAM: the server refuses the login");
  const auto text = value_of(item, 'v');
  const auto signature = text ? base::base64_decode(*text) : std::nullopt;
  if (!signature || !crypto::equal_in_constant_time(*signature, server_signature_)) {
    return give_up("SCRAM: the server does not prove that it knows the password");
  }
  state_ = State::complete;
  return crypto::Secret();
}

ClientStep ScramClient::give_up(std::string why) {
  state_ = State::ended;
  return GivenUp{std::move(why)};
}

}  // namespace sasl
