#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sys/disk.h"
#include "trace/format.h"

namespace trace {

/// The segments in a folder, in ascending order. None when there is no such folder.
[[nodiscard]] base::Io<std::vector<SegmentName>> list_segments(sys::Disk& disk,
                                                               const std::string& directory);

/// Calls `visit` for each record of a segment up to the first one that is not whole. Returns the
/// offset where that is.
using VisitRecord =
    std::function<void(std::uint32_t offset, const RecordHeader& header, std::string_view text)>;
[[nodiscard]] base::Io<std::uint32_t> scan_segment(sys::Disk& disk, const std::string& path,
                                                   const VisitRecord& visit);

/// In octets. Nobody writes larger ones; what claims to be one is not read.
inline constexpr std::size_t segment_octets_max = 64u << 20;

}  // namespace trace
