#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spool/types.h"

// The octets of the log: docs/formats/spool.md. Everything is little-endian.
namespace spool {

inline constexpr std::uint32_t block_octets = 4'096;  ///< Frames begin and end at multiples.
inline constexpr std::size_t frame_head_octets = 64;
inline constexpr std::size_t record_head_octets = 48;
inline constexpr std::uint8_t format_version = 1;

enum class FrameKind : std::uint8_t {
  data = 0,    ///< One commit. Without records: a mark.
  index = 1,   ///< Copies of the small records of a sealed segment.
  footer = 2,  ///< Last block of a sealed segment; its durable_up_to is where the index begins.
};

/// The head of a frame. Bound to its segment by epoch and salt, so that octets of an earlier use of
/// the file, or octets of a content that look like a frame, are none.
struct FrameHead {
  FrameKind kind = FrameKind::data;
  std::uint32_t epoch = 0;
  std::uint32_t salt = 0;  ///< Random, one for each segment; never leaves the machine.
  std::uint64_t sequence = 0;
  std::uint32_t octets = 0;  ///< The whole frame with its padding.
  std::uint32_t records = 0;
  std::uint32_t durable_up_to =
      0;  ///< What lies below this offset was synced before this was written.
};

void append_frame_head(std::string& out, const FrameHead& head);
/// Nothing when the checksum, magic or version are wrong.
[[nodiscard]] std::optional<FrameHead> parse_frame_head(std::string_view octets);

enum class RecordType : std::uint8_t {
  content = 1,   ///< Octets of a content, without prefix.
  accepted = 2,  ///< aux: number of the content's file, or 0. Body: AcceptedBody.
  state = 3,     ///< aux: version of the message. Body: StatusItems.
  done = 4,      ///< aux: version of the message.
  hop = 5,       ///< Body: key and blob.
  ended = 6,   ///< id: epoch of an older segment; aux: what lies there from that offset on is void.
  damage = 7,  ///< Body: DamageBody.
};

/// `full` in a state record: every recipient that is not in it has its first status.
inline constexpr std::uint8_t record_full = 1;

struct RecordHead {
  RecordType type{};
  std::uint8_t flags = 0;
  std::uint32_t offset = 0;  ///< Of the body, in the segment.
  std::uint32_t length = 0;
  std::uint32_t group = 0;          ///< Index of the first record of the commit that it belongs to.
  std::uint32_t group_records = 0;  ///< How many that commit has.
  base::MessageId id;
  std::uint64_t aux = 0;
  std::uint32_t body_crc = 0;
};

/// `all_older` in an ended record: no segment older than `id` counts, should its file come back.
inline constexpr std::uint8_t record_all_older = 1;

/// What ties the head of a record to its place.
struct RecordPlace {
  std::uint32_t salt = 0;
  std::uint32_t epoch = 0;
  std::uint32_t frame_offset = 0;
  std::uint32_t index = 0;
};

void append_record_head(std::string& out, const RecordHead& head, const RecordPlace& place);
[[nodiscard]] std::optional<RecordHead> parse_record_head(std::string_view octets,
                                                          const RecordPlace& place);

/// The body of an `accepted` record.
struct AcceptedBody {
  Envelope envelope;
  std::string prefix;
  std::uint64_t content_octets = 0;
  std::uint32_t content_crc = 0;
};

[[nodiscard]] std::string encode_accepted(const Envelope& envelope, std::string_view prefix,
                                          std::uint64_t content_octets, std::uint32_t content_crc);
[[nodiscard]] std::optional<AcceptedBody> decode_accepted(std::string_view body);

/// What recovery needs of it, without copying the envelope.
struct AcceptedSummary {
  std::uint64_t content_octets = 0;
  std::uint32_t content_crc = 0;
  std::uint32_t prefix_octets = 0;
  std::uint32_t recipients = 0;
};
[[nodiscard]] std::optional<AcceptedSummary> summarize_accepted(std::string_view body);

/// One recipient's status. `version` is that of the message when it changed.
struct StatusItem {
  std::uint32_t recipient = 0;
  std::uint32_t version = 0;
  RecipientStatus status;
};

[[nodiscard]] std::string encode_items(const std::vector<StatusItem>& items);
[[nodiscard]] std::optional<std::vector<StatusItem>> decode_items(std::string_view body);

struct HopBody {
  std::string key;
  std::string blob;
};
[[nodiscard]] std::string encode_hop(std::string_view key, std::string_view blob);
[[nodiscard]] std::optional<HopBody> decode_hop(std::string_view body);

struct DamageBody {
  base::MessageId id;
  std::uint32_t epoch = 0;  ///< 0: a content file.
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t content_file = 0;  ///< Kept for ever, or 0.
  std::string what;
};
[[nodiscard]] std::string encode_damage(const DamageBody& damage);
[[nodiscard]] std::optional<DamageBody> decode_damage(std::string_view body);

/// Names below the spool's folder.
[[nodiscard]] std::string segment_name(std::uint32_t epoch);          ///< `log.0000002a`
[[nodiscard]] std::string damaged_segment_name(std::uint32_t epoch);  ///< `damaged.0000002a`
[[nodiscard]] std::string journal_name(std::uint32_t number);         ///< `attempts.0000002a`
[[nodiscard]] std::string content_name(std::uint64_t number);         ///< `000000000000002a`
/// The number in a name with that beginning (`log.`, `attempts.`, none), or nothing.
[[nodiscard]] std::optional<std::uint64_t> number_in_name(std::string_view name,
                                                          std::string_view beginning,
                                                          std::size_t digits);

[[nodiscard]] constexpr std::uint64_t padded(std::uint64_t octets) {
  return (octets + block_octets - 1) / block_octets * block_octets;
}

}  // namespace spool
