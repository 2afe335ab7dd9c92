#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/id.h"
#include "base/time.h"

// The octets on disk: docs/formats/trace.md.
namespace trace {

/// In octets, of the text of one record. Longer ones are not recorded.
inline constexpr std::size_t record_octets_max = 1u << 20;
inline constexpr std::size_t record_header_octets = 20;
inline constexpr std::size_t index_header_octets = 16;
inline constexpr std::size_t index_entry_octets = 12;
/// Where the first record of a segment begins.
inline constexpr std::size_t segment_header_octets = 8;

[[nodiscard]] std::string segment_header();
[[nodiscard]] bool is_segment(std::string_view octets);

struct RecordHeader {
  std::uint32_t octets = 0;  ///< Of the text.
  std::uint32_t checksum = 0;
  base::MessageId id;
  std::uint32_t previous = 0;  ///< Offset of the record before of this message; 0: the first here.
};

/// A record as it stands in a segment.
void append_record(std::string& out, base::MessageId id, std::uint32_t previous,
                   std::string_view text);
/// Of at least record_header_octets; nullopt: this is no record.
[[nodiscard]] std::optional<RecordHeader> parse_header(std::string_view octets);
[[nodiscard]] bool is_whole(const RecordHeader& header, std::string_view text);

/// The first octets of an index.
[[nodiscard]] std::string index_header(std::uint64_t entries);
/// How many entries follow; nullopt: this is no index.
[[nodiscard]] std::optional<std::uint64_t> parse_index_header(std::string_view octets);

/// Segments are named by the time of their first record, so that names sort as they were made.
struct SegmentName {
  base::WallTime time;

  [[nodiscard]] std::string records() const;
  [[nodiscard]] std::string index() const;
  /// Of the file with the records; nullopt for every other name.
  [[nodiscard]] static std::optional<SegmentName> parse(std::string_view file_name);
};

}  // namespace trace
