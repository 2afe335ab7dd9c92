#include <cstring>

#include "cli/options.h"
#include "cli/output.h"
#include "cli/secret_input.h"
#include "crypto/password_hash.h"
#include "sys/linux/clock.h"

namespace cli {
namespace {

constexpr std::size_t salt_octets = 16;  // [RFC9106 3.1]

std::string random_salt() {
  const auto random = sys::real::make_random();
  std::string salt(salt_octets, '\0');
  for (std::size_t at = 0; at < salt.size(); at += sizeof(std::uint64_t)) {
    const std::uint64_t word = random->next();
    std::memcpy(salt.data() + at, &word, sizeof word);
  }
  return salt;
}

}  // namespace

int run(const UserHashOptions&) {
  const auto password = read_new_password();
  if (!password) {
    complain("posthaste: user hash: " + password.error());
    return exit_failed;
  }
  const auto hash = crypto::PasswordHash::make(*password, random_salt());
  if (!hash) {
    complain("posthaste: user hash: not enough memory");
    return exit_failed;
  }
  return print("password = \"" + hash->encode() + "\"\n") ? exit_done : exit_failed;
}

}  // namespace cli
