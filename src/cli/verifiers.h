#pragma once

#include <optional>

#include "crypto/password_hash.h"
#include "crypto/scram.h"

namespace crypto {
class Secret;
}

namespace cli {

/// What is kept of a password.
struct Verifiers {
  crypto::PasswordHash password;
  crypto::ScramVerifier scram;
};

/// With random salts. nullopt: memory is short.
[[nodiscard]] std::optional<Verifiers> make_verifiers(const crypto::Secret& password);

}  // namespace cli
