#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
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

/// Records about a next hop have this id, which no message has. Two next hops may share it: each
/// record says whose it is.
[[nodiscard]] base::MessageId hop_id(std::string_view key);

/// The newest records with each of these ids, at most `most`, in order. What was written before
/// `since` is not searched for.
using FoundNewest = std::map<base::MessageId, std::vector<std::string>>;
[[nodiscard]] base::Io<FoundNewest> find_newest(sys::Disk& disk, const std::string& directory,
                                                std::span<const base::MessageId> ids,
                                                base::WallTime since, std::size_t most);

}  // namespace trace
