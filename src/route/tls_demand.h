#pragma once

#include <cstdint>
#include <string_view>

namespace route {

/// How much TLS a next hop must offer.
enum class TlsDemand : std::uint8_t {
  off,
  opportunistic,  ///< Where offered; falls back to a plain connection.
  require,        ///< Encrypted, by whatever certificate.
  verify,         ///< And the certificate is valid for the host's name.
};

/// As in the configuration: "require".
[[nodiscard]] constexpr std::string_view to_string(TlsDemand demand) {
  switch (demand) {
    case TlsDemand::off: return "off";
    case TlsDemand::opportunistic: return "opportunistic";
    case TlsDemand::require: return "require";
    case TlsDemand::verify: return "verify";
  }
  return {};
}

}  // namespace route
