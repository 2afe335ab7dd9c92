#include "trace/format.h"

#include <fmt/format.h>

#include <charconv>

#include "base/codec.h"
#include "base/crc32c.h"

namespace trace {
namespace {

constexpr std::uint32_t segment_magic = 0x53544850;  // "PHTS"
constexpr std::uint32_t index_magic = 0x49544850;    // "PHTI"
constexpr std::uint32_t version = 1;
constexpr std::string_view records_suffix = ".trace";
constexpr std::size_t time_digits = 16;

std::uint32_t checksum_of(base::MessageId id, std::uint32_t previous, std::string_view text) {
  std::string head;
  base::Encoder encoder(head);
  encoder.number(id.value);
  encoder.number(previous);
  return base::crc32c(text, base::crc32c(head));
}

std::string name_of(base::WallTime time) {
  return fmt::format("{:016x}", static_cast<std::uint64_t>(time.time_since_epoch().count()));
}

}  // namespace

std::string segment_header() {
  std::string out;
  base::Encoder encoder(out);
  encoder.number(segment_magic);
  encoder.number(version);
  return out;
}

bool is_segment(std::string_view octets) { return octets.starts_with(segment_header()); }

void append_record(std::string& out, base::MessageId id, std::uint32_t previous,
                   std::string_view text) {
  base::Encoder encoder(out);
  encoder.number(static_cast<std::uint32_t>(text.size()));
  encoder.number(checksum_of(id, previous, text));
  encoder.number(id.value);
  encoder.number(previous);
  out += text;
}

std::optional<RecordHeader> parse_header(std::string_view octets) {
  base::Decoder decoder(octets);
  RecordHeader out;
  out.octets = decoder.number<std::uint32_t>();
  out.checksum = decoder.number<std::uint32_t>();
  out.id.value = decoder.number<std::uint64_t>();
  out.previous = decoder.number<std::uint32_t>();
  if (!decoder.ok() || out.id.value == 0 || out.octets > record_octets_max) return std::nullopt;
  return out;
}

bool is_whole(const RecordHeader& header, std::string_view text) {
  return text.size() == header.octets &&
         checksum_of(header.id, header.previous, text) == header.checksum;
}

std::string index_header(std::uint64_t entries) {
  std::string out;
  base::Encoder encoder(out);
  encoder.number(index_magic);
  encoder.number(version);
  encoder.number(entries);
  return out;
}

std::optional<std::uint64_t> parse_index_header(std::string_view octets) {
  base::Decoder decoder(octets);
  const bool known =
      decoder.number<std::uint32_t>() == index_magic && decoder.number<std::uint32_t>() == version;
  const auto entries = decoder.number<std::uint64_t>();
  if (!known || !decoder.ok()) return std::nullopt;
  return entries;
}

std::string SegmentName::records() const { return name_of(time) + std::string(records_suffix); }

std::string SegmentName::index() const { return name_of(time) + ".index"; }

std::optional<SegmentName> SegmentName::parse(std::string_view file_name) {
  if (file_name.size() != time_digits + records_suffix.size() ||
      !file_name.ends_with(records_suffix)) {
    return std::nullopt;
  }
  std::uint64_t milliseconds = 0;
  const char* const end = file_name.data() + time_digits;
  const auto [stopped, error] = std::from_chars(file_name.data(), end, milliseconds, 16);
  if (error != std::errc() || stopped != end) return std::nullopt;
  const SegmentName out{
      base::WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds)))};
  // One spelling for each.
  if (out.records() != file_name) return std::nullopt;
  return out;
}

}  // namespace trace
