#include "crypto/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <climits>

#include "base/assert.h"

namespace crypto {

Sha256 sha256(std::string_view octets) {
  Sha256 out;
  // Fails only without memory or without the algorithm: a broken installation.
  PH_ASSERT(EVP_Digest(octets.data(), octets.size(), out.data(), nullptr, EVP_sha256(), nullptr) ==
            1);
  return out;
}

Sha256 hmac_sha256(std::string_view key, std::string_view octets) {
  // OpenSSL counts the octets of a key in an int. A longer key stands for its digest [RFC2104 2].
  Sha256 short_key;
  if (key.size() > INT_MAX) {
    short_key = sha256(key);
    key = octets_of(short_key);
  }
  // A null pointer would mean "the key of the last call".
  if (key.empty()) key = std::string_view("", 0);
  Sha256 out;
  PH_ASSERT(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                 reinterpret_cast<const unsigned char*>(octets.data()), octets.size(), out.data(),
                 nullptr) != nullptr);
  return out;
}

}  // namespace crypto
