#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/task.h"
#include "sasl/mechanism.h"
#include "smtp/client_session.h"

namespace sys {
class Loop;
class Random;
class Workers;
}  // namespace sys

namespace engine {
class Timers;
}

namespace delivery {

/// How a client logs in. What is pointed to outlives the login.
struct LoginOptions {
  std::shared_ptr<const sasl::ClientCredentials> credentials;  ///< Null: no login.
  std::string nonce;                                           ///< For SCRAM: see make_nonce().
  /// Where long calculations are done; null: where they come up, for tools with nothing else to do.
  sys::Workers* workers = nullptr;
  sys::Loop* loop = nullptr;  ///< The caller's; only with workers.
};

[[nodiscard]] std::string make_nonce(sys::Random& random);

/// Logs one session in, by the strongest mechanism that the peer offers: answers the session's
/// events. The session must outlive each call.
class ClientLogin {
 public:
  explicit ClientLogin(LoginOptions options) : options_(std::move(options)) {}

  /// Each ends in an answer to the session.
  void begin(smtp::ClientSession& session, base::Instant now);
  /// `timers`: what the time is then.
  [[nodiscard]] base::Task<> respond(smtp::LoginChallenge challenge, smtp::ClientSession& session,
                                     const engine::Timers& timers);
  void end(smtp::ClientSession& session);

 private:
  [[nodiscard]] base::Task<bool> calculate(sasl::KeyNeeded needed, crypto::Secret& key);

  LoginOptions options_;
  std::unique_ptr<sasl::ClientMechanism> mechanism_;
};

}  // namespace delivery
