#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace base {

/// Base 64 with padding, in one line [RFC4648 4].
[[nodiscard]] std::string base64_encode(std::string_view octets);

/// Strict: padding is required, nothing but the alphabet is allowed, unused bits are zero.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace base
