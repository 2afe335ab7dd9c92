#include "trace/segments.h"

namespace trace {

using base::Io;

Io<std::vector<SegmentName>> list_segments(sys::Disk& disk, const std::string& directory) {
  const auto entries = disk.list(directory);
  if (!entries) {
    if (entries.error().code == base::IoErrorCode::not_found) return std::vector<SegmentName>();
    return std::unexpected(entries.error());
  }
  std::vector<SegmentName> out;
  for (const sys::DirectoryEntry& entry : *entries) {
    if (const auto name = SegmentName::parse(entry.name)) out.push_back(*name);
  }
  return out;
}

Io<std::uint32_t> scan_segment(sys::Disk& disk, const std::string& path, const VisitRecord& visit) {
  const Io<std::string> octets = sys::read_file(disk, path, segment_octets_max);
  if (!octets) return std::unexpected(octets.error());
  if (!is_segment(*octets)) return 0;
  std::size_t at = segment_header_octets;
  for (;;) {
    const std::string_view rest = std::string_view(*octets).substr(at);
    const auto header = parse_header(rest.substr(0, record_header_octets));
    if (!header || rest.size() < record_header_octets + header->octets) break;
    const std::string_view text = rest.substr(record_header_octets, header->octets);
    if (!is_whole(*header, text)) break;
    visit(static_cast<std::uint32_t>(at), *header, text);
    at += record_header_octets + text.size();
  }
  return static_cast<std::uint32_t>(at);
}

}  // namespace trace
