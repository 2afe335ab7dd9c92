#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "crypto/scram.h"
#include "crypto/secret.h"

// Login mechanisms [RFC4422] without sockets, base 64 or passwords files: octets in, octets out.
// The line "*" by which a client cancels is the protocol's, not the mechanism's [RFC4954 4].
namespace sasl {

/// In octets. As long as an address may be [RFC5321 4.5.3.1], and some more.
inline constexpr std::size_t name_octets_max = 512;
inline constexpr std::size_t password_octets_max = 1'024;
/// authzid NUL authcid NUL passwd [RFC4616 2].
inline constexpr std::size_t response_octets_max = 2 * name_octets_max + password_octets_max + 2;

/// The server says this and waits for the client's response.
struct Challenge {
  std::string octets;
};

/// The mechanism has ended, and asks whether this password belongs to this user.
struct Credentials {
  std::string authentication_id;  ///< Who logs in; well-formed UTF-8 without NUL, not empty.
  crypto::Secret password;
};

/// The mechanism needs the stored verifier of this user, or for nobody a decoy: answer with
/// ServerMechanism::give_verifier().
struct VerifierNeeded {
  std::string authentication_id;  ///< As in Credentials.
};

/// The mechanism has ended: this user has proved to be itself.
struct Verified {
  std::string authentication_id;
};

enum class FailureCode : std::uint8_t {
  malformed,         ///< Not what the mechanism's grammar says: 501 5.5.2.
  too_long,          ///< 500 5.5.6, or 501 5.5.2.
  other_identity,    ///< Asks to act as somebody else: 535 5.7.8.
  wrong_proof,       ///< The password is another, or there is no such user: 535 5.7.8.
  unexpected_state,  ///< A response after the end.
};

struct Failed {
  FailureCode code;
};

using Step = std::variant<Challenge, Credentials, VerifierNeeded, Verified, Failed>;

/// What SCRAM needs of the server.
struct ScramChallenge {
  const crypto::ScramVerifier& verifier;
  bool exists = false;     ///< It is somebody's, and no decoy.
  std::string_view nonce;  ///< Random, printable ASCII without comma.
};

/// The server's end of one login. After Credentials, Verified or Failed it has ended.
class ServerMechanism {
 public:
  virtual ~ServerMechanism() = default;
  /// Begins. `initial`: what came with the AUTH command, decoded; nullopt when nothing came.
  [[nodiscard]] virtual Step start(std::optional<std::string_view> initial) = 0;
  /// Takes the response to the last challenge, decoded.
  [[nodiscard]] virtual Step respond(std::string_view octets) = 0;
  /// Answers VerifierNeeded; of no use to others.
  [[nodiscard]] virtual Step give_verifier(const ScramChallenge&) {
    return Failed{FailureCode::unexpected_state};
  }
};

/// The client's end of one login.
class ClientMechanism {
 public:
  virtual ~ClientMechanism() = default;
  /// To be sent with the AUTH command; nullopt: nothing.
  [[nodiscard]] virtual std::optional<crypto::Secret> start() = 0;
  /// The response to a challenge; nullopt: give up (cancel by "*").
  [[nodiscard]] virtual std::optional<crypto::Secret> respond(std::string_view challenge) = 0;
};

/// "PLAIN", "LOGIN" or "SCRAM-SHA-256", in any case; nullptr for others.
[[nodiscard]] std::unique_ptr<ServerMechanism> make_server(std::string_view name);

/// "PLAIN" or "LOGIN". `user` and `password` are copied.
[[nodiscard]] std::unique_ptr<ClientMechanism> make_client(std::string_view name,
                                                           std::string_view user,
                                                           const crypto::Secret& password);

}  // namespace sasl
