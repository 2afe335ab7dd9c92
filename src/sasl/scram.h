#pragma once

#include <string>
#include <string_view>

#include "crypto/scram.h"
#include "sasl/mechanism.h"

namespace sasl {

/// A login that never shows the password to the server [RFC5802, RFC7677]: SCRAM-SHA-256, without
/// channel binding.
///
///     client-first  n,,n=NAME,r=NONCE                   asks for the verifier of NAME
///     server-first  r=NONCE…,s=SALT,i=ITERATIONS
///     client-final  c=biws,r=NONCE…,p=PROOF
///     server-final  v=SIGNATURE                         the client knows us now, too
///     (empty)                                           Verified
class ScramServer final : public ServerMechanism {
 public:
  [[nodiscard]] Step start(std::optional<std::string_view> initial) override;
  [[nodiscard]] Step respond(std::string_view octets) override;
  [[nodiscard]] Step give_verifier(const ScramChallenge& challenge) override;

 private:
  enum class State : std::uint8_t {
    fresh,
    first_awaited,
    verifier_awaited,
    final_awaited,
    proved,
    ended
  };

  [[nodiscard]] Step take_first(std::string_view message);
  [[nodiscard]] Step take_final(std::string_view message);
  [[nodiscard]] Step fail(FailureCode code);

  State state_ = State::fresh;
  std::string name_;
  std::string gs2_header_;
  std::string client_nonce_;
  std::string first_bare_;  ///< client-first-message-bare.
  std::string server_first_;
  std::string nonce_;  ///< Of both.
  crypto::ScramVerifier verifier_;
  bool exists_ = false;
};

}  // namespace sasl
