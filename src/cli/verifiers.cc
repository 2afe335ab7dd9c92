#include "cli/verifiers.h"

#include <cstring>
#include <string>

#include "crypto/secret.h"
#include "sys/linux/clock.h"

namespace cli {
namespace {

constexpr std::size_t salt_octets = 16;  // [RFC9106 3.1]

std::string random_salt(sys::Random& random) {
  std::string salt(salt_octets, '\0');
  for (std::size_t at = 0; at < salt.size(); at += sizeof(std::uint64_t)) {
    const std::uint64_t word = random.next();
    std::memcpy(salt.data() + at, &word, sizeof word);
  }
  return salt;
}

}  // namespace

std::optional<Verifiers> make_verifiers(const crypto::Secret& password) {
  const auto random = sys::real::make_random();
  auto hash = crypto::PasswordHash::make(password, random_salt(*random));
  if (!hash) return std::nullopt;
  return Verifiers{std::move(*hash), crypto::make_scram_verifier(password, random_salt(*random))};
}

}  // namespace cli
