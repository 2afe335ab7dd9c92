#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

#include "crypto/hash.h"

// What a server must keep to let somebody log in by SCRAM-SHA-256 [RFC5802 3, RFC7677]: no
// password, and nothing that a password could be guessed from faster than the iterations allow.
namespace crypto {

class Secret;

/// Fewer are refused [RFC7677 4]; a client has to calculate as many, so that more than the most
/// would lock it out.
inline constexpr unsigned scram_iterations_min = 4'096;
inline constexpr unsigned scram_iterations_max = 10'000'000;
/// Of the verifiers that we make. Cyrus SASL, and Postfix with it, refuses to log in when there are
/// more than 65,536.
inline constexpr unsigned scram_iterations_default = 60'000;
inline constexpr std::size_t scram_salt_octets_min = 8;
inline constexpr std::size_t scram_salt_octets_max = 64;
inline constexpr std::size_t scram_salt_octets = 16;  ///< Of the verifiers that we make.

struct ScramVerifier {
  unsigned iterations = 0;
  std::string salt;        ///< Octets.
  std::string stored_key;  ///< H(ClientKey) [RFC5802 3]; a Sha256.
  std::string server_key;  ///< A Sha256.

  /// `SCRAM-SHA-256$ITERATIONS:SALT$STORED:SERVER`, all but the number in base 64. The error says
  /// what was expected.
  [[nodiscard]] static std::expected<ScramVerifier, std::string> parse(std::string_view text);
  [[nodiscard]] std::string print() const;

  friend bool operator==(const ScramVerifier&, const ScramVerifier&) = default;
};

/// Of this password, in UTF-8. `salt` must be random, within its bounds, and `iterations` too.
/// Takes tens of milliseconds: never on a loop.
///
/// Deviates: the password is not prepared by SASLprep [RFC4013]; one that is not in its normal form
/// (full-width letters, ligatures) can't log in by a client that does so.
[[nodiscard]] ScramVerifier make_scram_verifier(const Secret& password, std::string_view salt,
                                                unsigned iterations = scram_iterations_default);

/// SaltedPassword [RFC5802 3], which is PBKDF2: as much work as there are iterations, at least one.
/// Never on a loop.
[[nodiscard]] Secret scram_salted_password(const Secret& password, std::string_view salt,
                                           unsigned iterations);
/// What a client proves with a salted password, and what a server that knows the verifier answers,
/// over the AuthMessage of one exchange [RFC5802 3].
struct ScramClientKeys {
  std::string proof;             ///< A Sha256.
  std::string server_signature;  ///< A Sha256.
};
[[nodiscard]] ScramClientKeys scram_client_keys(const Secret& salted_password,
                                                std::string_view auth_message);

/// ClientProof and ServerSignature of one exchange, over its AuthMessage [RFC5802 3].
[[nodiscard]] bool verify_scram_proof(const ScramVerifier& verifier, std::string_view auth_message,
                                      std::string_view proof);
[[nodiscard]] Sha256 scram_server_signature(const ScramVerifier& verifier,
                                            std::string_view auth_message);

}  // namespace crypto
