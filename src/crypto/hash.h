#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace crypto {

using Sha256 = std::array<std::uint8_t, 32>;

/// [RFC6234 6.2]
[[nodiscard]] Sha256 sha256(std::string_view octets);

/// HMAC-SHA-256 [RFC2104 2]. Any length of key.
[[nodiscard]] Sha256 hmac_sha256(std::string_view key, std::string_view octets);

/// The octets of a digest as text.
[[nodiscard]] inline std::string_view octets_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace crypto
