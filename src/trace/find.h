#pragma once

#include <string>
#include <vector>

#include "base/id.h"
#include "sys/disk.h"

namespace trace {

/// All that was recorded of one message, in order. Reads only; also while a server writes there.
/// Damaged records, and what stood before them in their segment, are missing.
[[nodiscard]] base::Io<std::vector<std::string>> find(sys::Disk& disk, const std::string& directory,
                                                      base::MessageId id);

/// In octets, of what is given of one message: the rest of a longer life is cut off.
inline constexpr std::size_t found_octets_max = 64u << 20;

}  // namespace trace
