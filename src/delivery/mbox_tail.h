#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sys {
class File;
}

// What earlier attempts have left at the end of an mbox file.
namespace delivery {

/// In octets. A larger message is not looked for: its repetition doubles it.
inline constexpr std::size_t mbox_repeat_octets_max = std::size_t{4} << 20;

/// Whether what stands before `end` is exactly this message (mbox_text()).
[[nodiscard]] base::Io<bool> mbox_ends_with(sys::File& file, std::uint64_t end,
                                            std::string_view text);

/// Where a part of this message begins that goes to `end`, the end of the file: octets that a power
/// cut has taken may be zeros. Nullopt: there is none.
[[nodiscard]] base::Io<std::optional<std::uint64_t>> mbox_torn_from(sys::File& file,
                                                                    std::uint64_t end,
                                                                    std::string_view text);

/// What must be written before the next message, so that a blank line is before it.
[[nodiscard]] base::Io<std::string_view> mbox_gap(sys::File& file, std::uint64_t end);

}  // namespace delivery
