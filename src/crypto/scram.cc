#include "crypto/scram.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <charconv>

#include "base/assert.h"
#include "base/base64.h"
#include "crypto/secret.h"

namespace crypto {
namespace {

constexpr std::string_view prefix = "SCRAM-SHA-256$";
constexpr std::size_t key_octets = sizeof(Sha256);

std::unexpected<std::string> refused(std::string_view what) {
  return std::unexpected(fmt::format(
      "expected a verifier of the form SCRAM-SHA-256$ITERATIONS:SALT$STORED:SERVER: {}", what));
}

/// Takes text up to `end` off the front.
std::expected<std::string_view, std::string> take_to(std::string_view& rest, char end) {
  const std::size_t at = rest.find(end);
  if (at == rest.npos) return refused(fmt::format("'{}' is missing", end));
  const std::string_view out = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  return out;
}

std::string as_string(const Sha256& digest) { return std::string(octets_of(digest)); }

}  // namespace

std::expected<ScramVerifier, std::string> ScramVerifier::parse(std::string_view text) {
  if (!text.starts_with(prefix)) return refused("another beginning");
  std::string_view rest = text.substr(prefix.size());
  const auto number = take_to(rest, ':');
  if (!number) return std::unexpected(number.error());
  const auto salt_text = take_to(rest, '$');
  if (!salt_text) return std::unexpected(salt_text.error());
  const auto stored_text = take_to(rest, ':');
  if (!stored_text) return std::unexpected(stored_text.error());

  ScramVerifier out;
  const char* const end = number->data() + number->size();
  const auto [at, error] = std::from_chars(number->data(), end, out.iterations);
  if (error != std::errc() || at != end || out.iterations < scram_iterations_min ||
      out.iterations > scram_iterations_max) {
    return refused(
        fmt::format("expected {} to {} iterations", scram_iterations_min, scram_iterations_max));
  }
  auto salt = base::base64_decode(*salt_text);
  if (!salt || salt->size() < scram_salt_octets_min || salt->size() > scram_salt_octets_max) {
    return refused(fmt::format("expected a salt of {} to {} octets in base 64",
                               scram_salt_octets_min, scram_salt_octets_max));
  }
  auto stored = base::base64_decode(*stored_text);
  auto server = base::base64_decode(rest);
  if (!stored || !server || stored->size() != key_octets || server->size() != key_octets) {
    return refused(fmt::format("expected keys of {} octets in base 64", key_octets));
  }
  out.salt = std::move(*salt);
  out.stored_key = std::move(*stored);
  out.server_key = std::move(*server);
  return out;
}

std::string ScramVerifier::print() const {
  return fmt::format("{}{}:{}${}:{}", prefix, iterations, base::base64_encode(salt),
                     base::base64_encode(stored_key), base::base64_encode(server_key));
}

ScramVerifier make_scram_verifier(const Secret& password, std::string_view salt,
                                  unsigned iterations) {
  PH_ASSERT(iterations >= scram_iterations_min && iterations <= scram_iterations_max);
  PH_ASSERT(salt.size() >= scram_salt_octets_min && salt.size() <= scram_salt_octets_max);
  const Secret salted = scram_salted_password(password, salt, iterations);
  Sha256 client_key = hmac_sha256(salted.reveal(), "Client Key");
  ScramVerifier out{.iterations = iterations,
                    .salt = std::string(salt),
                    .stored_key = as_string(sha256(octets_of(client_key))),
                    .server_key = as_string(hmac_sha256(salted.reveal(), "Server Key"))};
  wipe(reinterpret_cast<char*>(client_key.data()), client_key.size());
  return out;
}

Secret scram_salted_password(const Secret& password, std::string_view salt, unsigned iterations) {
  Sha256 salted;  // SaltedPassword := Hi(password, salt, i), which is PBKDF2 [RFC5802 2.2].
  const std::string_view octets = password.reveal();
  PH_ASSERT(PKCS5_PBKDF2_HMAC(octets.data(), static_cast<int>(octets.size()),
                              reinterpret_cast<const unsigned char*>(salt.data()),
                              static_cast<int>(salt.size()), static_cast<int>(iterations),
                              EVP_sha256(), static_cast<int>(salted.size()), salted.data()) == 1);
  Secret out(octets_of(salted));
  wipe(reinterpret_cast<char*>(salted.data()), salted.size());
  return out;
}

ScramClientKeys scram_client_keys(const Secret& salted_password, std::string_view auth_message) {
  Sha256 client_key = hmac_sha256(salted_password.reveal(), "Client Key");
  const Sha256 stored_key = sha256(octets_of(client_key));
  const Sha256 signature = hmac_sha256(octets_of(stored_key), auth_message);
  const Sha256 server_key = hmac_sha256(salted_password.reveal(), "Server Key");
  ScramClientKeys out{
      .proof = as_string(client_key),
      .server_signature = as_string(hmac_sha256(octets_of(server_key), auth_message))};
  for (std::size_t i = 0; i < key_octets; ++i) {
    out.proof[i] = static_cast<char>(static_cast<unsigned char>(out.proof[i]) ^ signature[i]);
  }
  wipe(reinterpret_cast<char*>(client_key.data()), client_key.size());
  return out;
}

bool verify_scram_proof(const ScramVerifier& verifier, std::string_view auth_message,
                        std::string_view proof) {
  if (proof.size() != key_octets) return false;
  // ClientKey = ClientProof XOR ClientSignature; its digest must be the stored key.
  Sha256 client_key = hmac_sha256(verifier.stored_key, auth_message);
  for (std::size_t i = 0; i < key_octets; ++i) {
    client_key[i] ^= static_cast<std::uint8_t>(proof[i]);
  }
  const Sha256 stored = sha256(octets_of(client_key));
  wipe(reinterpret_cast<char*>(client_key.data()), client_key.size());
  return equal_in_constant_time(octets_of(stored), verifier.stored_key);
}

Sha256 scram_server_signature(const ScramVerifier& verifier, std::string_view auth_message) {
  return hmac_sha256(verifier.server_key, auth_message);
}

}  // namespace crypto
