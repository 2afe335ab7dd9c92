#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace sys::real {

/// Relative to now.
struct Validity {
  std::chrono::seconds from = -std::chrono::hours(24);
  std::chrono::seconds until = std::chrono::hours(24 * 825);
};

/// Makes an ECDSA P-256 key and a certificate for it, signed by itself and valid for `names` (host
/// names, and addresses in text form). First the certificate, then the key, as PEM.
[[nodiscard]] std::pair<std::string, std::string> self_signed(const std::vector<std::string>& names,
                                                              const Validity& validity = {});

}  // namespace sys::real
