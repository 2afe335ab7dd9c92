#pragma once

#include <cstdint>
#include <string_view>

namespace base {

/// CRC-32C (Castagnoli) [RFC3720 12.1] of `octets`, going on from `crc`: the sum of a whole is
/// crc32c(second, crc32c(first)). Starts from 0. Uses the processor's instruction where it has one.
[[nodiscard]] std::uint32_t crc32c(std::string_view octets, std::uint32_t crc = 0) noexcept;

}  // namespace base
