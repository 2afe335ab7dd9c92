#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
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

/// SCRAM needs the salted password (crypto::scram_salted_password), which takes long: answer with
/// ClientMechanism::give_key().
struct KeyNeeded {
  std::string salt;
  unsigned iterations;  ///< scram_iterations_min … client_iterations_max.
};

/// The client cannot go on; why, for people, without text of the server.
struct GivenUp {
  std::string why;
};

/// A response, or one of the others.
using ClientStep = std::variant<crypto::Secret, KeyNeeded, GivenUp>;

/// The client's end of one login.
class ClientMechanism {
 public:
  virtual ~ClientMechanism() = default;
  /// To be sent with the AUTH command; nullopt: nothing.
  [[nodiscard]] virtual std::optional<crypto::Secret> start() = 0;
  /// Takes a challenge, decoded.
  [[nodiscard]] virtual ClientStep respond(std::string_view challenge) = 0;
  /// Answers KeyNeeded; of no use to others.
  [[nodiscard]] virtual ClientStep give_key(const crypto::Secret&) {
    return GivenUp{"no key was asked for"};
  }
  /// Everything has been said and, where the mechanism can, the server has proved that it knows the
  /// password, too: its word that we are logged in may be believed.
  [[nodiscard]] virtual bool is_complete() const = 0;
};

/// In iterations, that a server may make us calculate [RFC5802 9]: half a second's worth.
inline constexpr unsigned client_iterations_max = 1'000'000;

/// What a client logs in with.
struct ClientCredentials {
  std::string user;
  crypto::Secret secret;
  bool is_token = false;       ///< A bearer token [RFC6750], and no password.
  std::string mechanism = {};  ///< Only this one; empty: the strongest that is offered.
};

/// "PLAIN", "LOGIN" or "SCRAM-SHA-256", in any case; nullptr for others.
[[nodiscard]] std::unique_ptr<ServerMechanism> make_server(std::string_view name);

/// What a client can do with a password, or with a token; the strongest first.
[[nodiscard]] std::span<const std::string_view> client_mechanisms(bool with_token);

/// The mechanism to log in by, among those that are offered (in capitals); empty: none.
[[nodiscard]] std::string_view choose_mechanism(std::span<const std::string> offered,
                                                const ClientCredentials& credentials);

/// One of client_mechanisms(); nullptr for others. `nonce`: random, as SCRAM asks for.
[[nodiscard]] std::unique_ptr<ClientMechanism> make_client(std::string_view name,
                                                           const ClientCredentials& credentials,
                                                           std::string_view nonce);

}  // namespace sasl
