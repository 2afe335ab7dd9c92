#include "spool/format.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/codec.h"
#include "base/crc32c.h"

namespace spool {
namespace {

constexpr std::uint32_t frame_magic = 0x314c4850;  // "PHL1"

std::uint32_t place_crc(const RecordPlace& place) {
  std::string octets;
  base::Encoder out(octets);
  out.number(place.salt);
  out.number(place.epoch);
  out.number(place.frame_offset);
  out.number(place.index);
  return base::crc32c(octets);
}

void append_crc(std::string& out, std::size_t start, std::uint32_t seed) {
  const std::uint32_t crc = base::crc32c(std::string_view(out).substr(start), seed);
  base::Encoder(out).number(crc);
}

/// Whether the last four octets are the checksum of those before them.
bool crc_matches(std::string_view octets, std::uint32_t seed) {
  const std::string_view body = octets.substr(0, octets.size() - 4);
  base::Decoder tail(octets.substr(body.size()));
  return tail.number<std::uint32_t>() == base::crc32c(body, seed);
}

std::int64_t milliseconds(base::WallTime time) { return time.time_since_epoch().count(); }
base::WallTime wall_time(std::int64_t octets) {
  return base::WallTime(std::chrono::milliseconds(octets));
}

// Flags of an envelope and of a status.
constexpr std::uint8_t flag_eight_bit = 1;
constexpr std::uint8_t flag_smtputf8 = 2;
constexpr std::uint8_t flag_unknown = 1;
constexpr std::uint8_t flag_warned = 2;
// Of a recipient, beside the bits of NOTIFY.
constexpr std::uint8_t flag_more = 0x20;
constexpr std::uint8_t flag_trusted = 0x40;
constexpr std::uint8_t flag_by_route = 0x80;
constexpr std::uint8_t notify_bits = 0x1f;

bool has_more(const Recipient& recipient) {
  return !recipient.reverse_path.empty() || !recipient.target.empty();
}

std::uint8_t flags_of(const Recipient& recipient) {
  return static_cast<std::uint8_t>(
      (recipient.notify & notify_bits) | (has_more(recipient) ? flag_more : 0) |
      (recipient.trusted ? flag_trusted : 0) | (recipient.by_route ? flag_by_route : 0));
}

}  // namespace

void append_frame_head(std::string& out, const FrameHead& head) {
  const std::size_t start = out.size();
  base::Encoder encoder(out);
  encoder.number(frame_magic);
  encoder.number(format_version);
  encoder.number(static_cast<std::uint8_t>(head.kind));
  encoder.number(std::uint16_t{0});
  encoder.number(head.epoch);
  encoder.number(head.salt);
  encoder.number(head.sequence);
  encoder.number(head.octets);
  encoder.number(head.records);
  encoder.number(head.durable_up_to);
  out.append(frame_head_octets - 4 - (out.size() - start), '\0');
  append_crc(out, start, 0);
}

std::optional<FrameHead> parse_frame_head(std::string_view octets) {
  if (octets.size() < frame_head_octets) return std::nullopt;
  octets = octets.substr(0, frame_head_octets);
  if (!crc_matches(octets, 0)) return std::nullopt;
  base::Decoder in(octets);
  FrameHead head;
  if (in.number<std::uint32_t>() != frame_magic) return std::nullopt;
  if (in.number<std::uint8_t>() != format_version) return std::nullopt;
  const auto kind = in.number<std::uint8_t>();
  if (kind > static_cast<std::uint8_t>(FrameKind::footer)) return std::nullopt;
  head.kind = static_cast<FrameKind>(kind);
  static_cast<void>(in.number<std::uint16_t>());
  head.epoch = in.number<std::uint32_t>();
  head.salt = in.number<std::uint32_t>();
  head.sequence = in.number<std::uint64_t>();
  head.octets = in.number<std::uint32_t>();
  head.records = in.number<std::uint32_t>();
  head.durable_up_to = in.number<std::uint32_t>();
  const bool fits = head.octets > 0 && head.octets % block_octets == 0 &&
                    frame_head_octets + head.records * record_head_octets <= head.octets;
  if (!fits) return std::nullopt;
  return head;
}

void append_record_head(std::string& out, const RecordHead& head, const RecordPlace& place) {
  const std::size_t start = out.size();
  base::Encoder encoder(out);
  encoder.number(head.length);
  encoder.number(head.offset);
  encoder.number(static_cast<std::uint8_t>(head.type));
  encoder.number(format_version);
  encoder.number(head.flags);
  encoder.number(std::uint8_t{0});
  encoder.number(head.group);
  encoder.number(head.id.value);
  encoder.number(head.aux);
  encoder.number(head.body_crc);
  encoder.number(head.group_records);
  encoder.number(std::uint32_t{0});
  append_crc(out, start, place_crc(place));
  PH_ASSERT(out.size() - start == record_head_octets);
}

std::optional<RecordHead> parse_record_head(std::string_view octets, const RecordPlace& place) {
  if (octets.size() < record_head_octets) return std::nullopt;
  octets = octets.substr(0, record_head_octets);
  if (!crc_matches(octets, place_crc(place))) return std::nullopt;
  base::Decoder in(octets);
  RecordHead head;
  head.length = in.number<std::uint32_t>();
  head.offset = in.number<std::uint32_t>();
  head.type = static_cast<RecordType>(in.number<std::uint8_t>());
  const auto version = in.number<std::uint8_t>();
  head.flags = in.number<std::uint8_t>();
  static_cast<void>(in.number<std::uint8_t>());
  head.group = in.number<std::uint32_t>();
  head.id.value = in.number<std::uint64_t>();
  head.aux = in.number<std::uint64_t>();
  head.body_crc = in.number<std::uint32_t>();
  head.group_records = in.number<std::uint32_t>();
  if (version != format_version || head.type < RecordType::content ||
      head.type > RecordType::damage)
    return std::nullopt;
  return head;
}

std::string encode_accepted(const Envelope& envelope, std::string_view prefix,
                            std::uint64_t content_octets, std::uint32_t content_crc) {
  std::string out;
  out.reserve(160 + prefix.size() + envelope.recipients.size() * 48);
  base::Encoder encoder(out);
  encoder.number(content_octets);
  encoder.number(content_crc);
  encoder.number(static_cast<std::uint32_t>(envelope.recipients.size()));
  encoder.text(prefix);
  encoder.number(milliseconds(envelope.received));
  encoder.number(static_cast<std::uint8_t>((envelope.eight_bit ? flag_eight_bit : 0) |
                                           (envelope.smtputf8 ? flag_smtputf8 : 0)));
  encoder.number(envelope.ret);
  for (const std::string* text :
       {&envelope.reverse_path, &envelope.client, &envelope.helo, &envelope.auth, &envelope.tls,
        &envelope.listener, &envelope.envid})
    encoder.text(*text);
  for (const Recipient& recipient : envelope.recipients) {
    encoder.text(recipient.forward_path);
    encoder.number(flags_of(recipient));
    encoder.text(recipient.orcpt);
    if (!has_more(recipient)) continue;
    encoder.text(recipient.reverse_path);
    encoder.text(recipient.target);
  }
  return out;
}

std::optional<AcceptedBody> decode_accepted(std::string_view body) {
  base::Decoder in(body);
  AcceptedBody out;
  out.content_octets = in.number<std::uint64_t>();
  out.content_crc = in.number<std::uint32_t>();
  const auto recipients = in.number<std::uint32_t>();
  out.prefix = in.text();
  out.envelope.received = wall_time(in.number<std::int64_t>());
  const auto flags = in.number<std::uint8_t>();
  out.envelope.eight_bit = (flags & flag_eight_bit) != 0;
  out.envelope.smtputf8 = (flags & flag_smtputf8) != 0;
  out.envelope.ret = in.number<std::uint8_t>();
  for (std::string* text :
       {&out.envelope.reverse_path, &out.envelope.client, &out.envelope.helo, &out.envelope.auth,
        &out.envelope.tls, &out.envelope.listener, &out.envelope.envid})
    *text = in.text();
  for (std::uint32_t i = 0; i < recipients && in.ok(); ++i) {
    Recipient& recipient = out.envelope.recipients.emplace_back();
    recipient.forward_path = in.text();
    const auto recipient_flags = in.number<std::uint8_t>();
    recipient.notify = recipient_flags & notify_bits;
    recipient.trusted = (recipient_flags & flag_trusted) != 0;
    recipient.by_route = (recipient_flags & flag_by_route) != 0;
    recipient.orcpt = in.text();
    if ((recipient_flags & flag_more) == 0) continue;
    recipient.reverse_path = in.text();
    recipient.target = in.text();
  }
  if (!in.ok() || !in.rest().empty()) return std::nullopt;
  return out;
}

std::optional<AcceptedSummary> summarize_accepted(std::string_view body) {
  base::Decoder in(body);
  AcceptedSummary out;
  out.content_octets = in.number<std::uint64_t>();
  out.content_crc = in.number<std::uint32_t>();
  out.recipients = in.number<std::uint32_t>();
  out.prefix_octets = static_cast<std::uint32_t>(in.text().size());
  // Each recipient takes at least nine octets: a wild count must not make us reserve memory.
  if (!in.ok() || out.recipients > body.size() / 9) return std::nullopt;
  return out;
}

std::string encode_items(const std::vector<StatusItem>& items) {
  std::string out;
  base::Encoder encoder(out);
  encoder.number(static_cast<std::uint32_t>(items.size()));
  for (const StatusItem& item : items) {
    const RecipientStatus& status = item.status;
    encoder.number(item.recipient);
    encoder.number(item.version);
    encoder.number(static_cast<std::uint8_t>(status.state));
    encoder.number(static_cast<std::uint8_t>((status.unknown ? flag_unknown : 0) |
                                             (status.warned ? flag_warned : 0)));
    encoder.number(status.attempts);
    encoder.number(milliseconds(status.next_attempt));
    encoder.number(milliseconds(status.last_attempt));
    encoder.text(std::string_view(status.last_reply).substr(0, reply_octets_max));
    encoder.text(std::string_view(status.via).substr(0, via_octets_max));
    encoder.text(std::string_view(status.reroute).substr(0, via_octets_max));
  }
  return out;
}

std::optional<std::vector<StatusItem>> decode_items(std::string_view body) {
  base::Decoder in(body);
  std::vector<StatusItem> out;
  const auto count = in.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    StatusItem& item = out.emplace_back();
    item.recipient = in.number<std::uint32_t>();
    item.version = in.number<std::uint32_t>();
    const auto state = in.number<std::uint8_t>();
    if (state > static_cast<std::uint8_t>(RecipientState::dropped)) return std::nullopt;
    item.status.state = static_cast<RecipientState>(state);
    const auto flags = in.number<std::uint8_t>();
    item.status.unknown = (flags & flag_unknown) != 0;
    item.status.warned = (flags & flag_warned) != 0;
    item.status.attempts = in.number<std::uint32_t>();
    item.status.next_attempt = wall_time(in.number<std::int64_t>());
    item.status.last_attempt = wall_time(in.number<std::int64_t>());
    item.status.last_reply = in.text();
    item.status.via = in.text();
    item.status.reroute = in.text();
  }
  if (!in.ok() || !in.rest().empty()) return std::nullopt;
  return out;
}

std::string encode_hop(std::string_view key, std::string_view blob) {
  std::string out;
  base::Encoder encoder(out);
  encoder.text(key);
  encoder.text(blob);
  return out;
}

std::optional<HopBody> decode_hop(std::string_view body) {
  base::Decoder in(body);
  HopBody out;
  out.key = in.text();
  out.blob = in.text();
  if (!in.ok() || !in.rest().empty()) return std::nullopt;
  return out;
}

std::string encode_damage(const DamageBody& damage) {
  std::string out;
  base::Encoder encoder(out);
  encoder.number(damage.id.value);
  encoder.number(damage.epoch);
  encoder.number(damage.offset);
  encoder.number(damage.length);
  encoder.number(damage.content_file);
  encoder.text(damage.what);
  return out;
}

std::optional<DamageBody> decode_damage(std::string_view body) {
  base::Decoder in(body);
  DamageBody out;
  out.id.value = in.number<std::uint64_t>();
  out.epoch = in.number<std::uint32_t>();
  out.offset = in.number<std::uint64_t>();
  out.length = in.number<std::uint64_t>();
  out.content_file = in.number<std::uint64_t>();
  out.what = in.text();
  if (!in.ok() || !in.rest().empty()) return std::nullopt;
  return out;
}

std::string segment_name(std::uint32_t epoch) { return fmt::format("log.{:08x}", epoch); }
std::string damaged_segment_name(std::uint32_t epoch) {
  return fmt::format("damaged.{:08x}", epoch);
}
std::string journal_name(std::uint32_t number) { return fmt::format("attempts.{:08x}", number); }
std::string content_name(std::uint64_t number) { return fmt::format("{:016x}", number); }

std::optional<std::uint64_t> number_in_name(std::string_view name, std::string_view beginning,
                                            std::size_t digits) {
  if (!name.starts_with(beginning)) return std::nullopt;
  name.remove_prefix(beginning.size());
  if (name.size() != digits) return std::nullopt;
  constexpr std::string_view alphabet = "0123456789abcdef";
  std::uint64_t out = 0;
  for (const char c : name) {
    const std::size_t digit = alphabet.find(c);
    if (digit == alphabet.npos) return std::nullopt;
    out = out << 4 | digit;
  }
  return out;
}

std::string_view to_string(RecipientState state) {
  switch (state) {
    case RecipientState::ready: return "ready";
    case RecipientState::deferred: return "deferred";
    case RecipientState::held: return "held";
    case RecipientState::delivered: return "delivered";
    case RecipientState::bounced: return "bounced";
    case RecipientState::expired: return "expired";
    case RecipientState::dropped: return "dropped";
  }
  return "";
}

}  // namespace spool
