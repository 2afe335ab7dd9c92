#include "sasl/scram.h"

#include <fmt/format.h>

#include <utility>

#include "base/base64.h"
#include "sasl/scram_text.h"

namespace sasl {
namespace {

/// The authorization identity of a gs2-header: `[ "a=" saslname ]`. nullopt: malformed. Deviates:
/// an empty one is none; gsasl sends it so.
[[nodiscard]] std::optional<std::string> parse_authorization(std::string_view item) {
  if (item.empty() || item == "a=") return std::string();
  const auto value = value_of(item, 'a');
  return value ? parse_saslname(*value) : std::nullopt;
}

}  // namespace

Step ScramServer::start(std::optional<std::string_view> initial) {
  if (state_ != State::fresh) return fail(FailureCode::unexpected_state);
  state_ = State::first_awaited;
  if (initial) return respond(*initial);
  return Challenge{};
}

Step ScramServer::respond(std::string_view octets) {
  if (octets.size() > response_octets_max) return fail(FailureCode::too_long);
  switch (state_) {
    case State::first_awaited: return take_first(octets);
    case State::final_awaited: return take_final(octets);
    case State::proved:
      if (!octets.empty()) return fail(FailureCode::malformed);
      state_ = State::ended;
      return Verified{std::move(name_)};
    case State::fresh:
    case State::verifier_awaited:
    case State::ended: break;
  }
  return fail(FailureCode::unexpected_state);
}

///     client-first-message = gs2-header client-first-message-bare                 [RFC5802 7]
///     gs2-header = ("p=" cb-name / "n" / "y") "," [ authzid ] ","
///     client-first-message-bare = username "," nonce ["," extensions]
///
/// "p" asks for a channel binding, which we do not offer; "m" for an extension that must be known.
Step ScramServer::take_first(std::string_view message) {
  std::string_view rest = message;
  const std::string_view flag = take_item(rest);
  if (flag != "n" && flag != "y") return fail(FailureCode::malformed);
  const auto authorization = parse_authorization(take_item(rest));
  if (!authorization) return fail(FailureCode::malformed);
  gs2_header_ = message.substr(0, message.size() - rest.size());
  first_bare_ = rest;

  const auto name_text = value_of(take_item(rest), 'n');
  auto name = name_text ? parse_saslname(*name_text) : std::nullopt;
  const auto nonce = value_of(take_item(rest), 'r');
  if (!name || !nonce || !is_nonce(*nonce)) return fail(FailureCode::malformed);
  if (name->size() > name_octets_max) return fail(FailureCode::too_long);
  if (!authorization->empty() && *authorization != *name) {
    return fail(FailureCode::other_identity);
  }
  name_ = std::move(*name);
  client_nonce_ = *nonce;
  state_ = State::verifier_awaited;
  return VerifierNeeded{name_};
}

///     server-first-message = nonce "," salt "," iteration-count        [RFC5802 7]
Step ScramServer::give_verifier(const ScramChallenge& challenge) {
  if (state_ != State::verifier_awaited) return fail(FailureCode::unexpected_state);
  verifier_ = challenge.verifier;
  exists_ = challenge.exists;
  nonce_ = client_nonce_ + std::string(challenge.nonce);
  server_first_ = fmt::format("r={},s={},i={}", nonce_, base::base64_encode(verifier_.salt),
                              verifier_.iterations);
  state_ = State::final_awaited;
  return Challenge{server_first_};
}

///     client-final-message = channel-binding "," nonce ["," extensions] "," proof  [RFC5802 7]
///
/// Everything that does not fit is a wrong proof: what the client knows decides, not how it errs.
Step ScramServer::take_final(std::string_view message) {
  const std::size_t proof_at = message.rfind(",p=");
  if (proof_at == message.npos) return fail(FailureCode::malformed);
  const std::string_view without_proof = message.substr(0, proof_at);
  const auto proof = base::base64_decode(message.substr(proof_at + 3));
  std::string_view rest = without_proof;
  const auto binding = value_of(take_item(rest), 'c');
  const auto nonce = value_of(take_item(rest), 'r');
  if (!proof || !binding || !nonce) return fail(FailureCode::malformed);

  const std::string auth_message =
      fmt::format("{},{},{}", first_bare_, server_first_, without_proof);
  const bool proves = crypto::verify_scram_proof(verifier_, auth_message, *proof);
  const bool fits = base::base64_decode(*binding) == gs2_header_ && *nonce == nonce_;
  if (!proves || !fits || !exists_) return fail(FailureCode::wrong_proof);
  state_ = State::proved;
  const crypto::Sha256 signature = crypto::scram_server_signature(verifier_, auth_message);
  return Challenge{"v=" + base::base64_encode(crypto::octets_of(signature))};
}

Step ScramServer::fail(FailureCode code) {
  state_ = State::ended;
  return Failed{code};
}

}  // namespace sasl
