#include "spool/journal.h"

#include <array>

#include "base/codec.h"
#include "base/crc32c.h"

namespace spool {

using base::Io;

namespace {

constexpr std::uint32_t journal_magic = 0x314a4850;  // "PHJ1"
constexpr std::size_t journal_head_octets = 16;
constexpr std::size_t record_front_octets = 8;  ///< Length and checksum.

std::uint32_t place_crc(std::uint32_t salt, std::uint32_t number, std::uint64_t offset) {
  std::string octets;
  base::Encoder out(octets);
  out.number(salt);
  out.number(number);
  out.number(offset);
  return base::crc32c(octets);
}

std::string encode_head(std::uint32_t number, std::uint32_t salt) {
  std::string out;
  base::Encoder encoder(out);
  encoder.number(journal_magic);
  encoder.number(number);
  encoder.number(salt);
  encoder.number(base::crc32c(out));
  return out;
}

void append_record(std::string& out, const JournalRecord& record, std::uint32_t place) {
  std::string body;
  base::Encoder encoder(body);
  encoder.number(static_cast<std::uint8_t>(record.type));
  encoder.number(record.id.value);
  encoder.number(record.version);
  if (record.type == JournalRecord::Type::outcome) encoder.text(encode_items(record.items));
  encoder.number(static_cast<std::uint32_t>(record.recipients.size()));
  for (const std::uint32_t recipient : record.recipients) encoder.number(recipient);
  base::Encoder front(out);
  front.number(static_cast<std::uint32_t>(body.size()));
  front.number(base::crc32c(body, place));
  out += body;
}

std::optional<JournalRecord> parse_record(std::string_view body) {
  base::Decoder in(body);
  JournalRecord record;
  const auto type = in.number<std::uint8_t>();
  if (type < 1 || type > 3) return std::nullopt;
  record.type = static_cast<JournalRecord::Type>(type);
  record.id.value = in.number<std::uint64_t>();
  record.version = in.number<std::uint32_t>();
  if (record.type == JournalRecord::Type::outcome) {
    auto items = decode_items(in.text());
    if (!items) return std::nullopt;
    record.items = std::move(*items);
  }
  const auto count = in.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i)
    record.recipients.push_back(in.number<std::uint32_t>());
  if (!in.ok() || !in.rest().empty()) return std::nullopt;
  return record;
}

}  // namespace

std::vector<JournalRecord> parse_journal(std::string_view octets, std::uint32_t number) {
  std::vector<JournalRecord> out;
  if (octets.size() < journal_head_octets) return out;
  base::Decoder head(octets.substr(0, journal_head_octets));
  const auto magic = head.number<std::uint32_t>();
  const auto its_number = head.number<std::uint32_t>();
  const auto salt = head.number<std::uint32_t>();
  if (magic != journal_magic || its_number != number ||
      head.number<std::uint32_t>() != base::crc32c(octets.substr(0, journal_head_octets - 4)))
    return out;
  for (std::uint64_t at = journal_head_octets; at + record_front_octets <= octets.size();) {
    base::Decoder front(octets.substr(at, record_front_octets));
    const auto length = front.number<std::uint32_t>();
    const auto crc = front.number<std::uint32_t>();
    if (length == 0 || length > octets.size() - at - record_front_octets) break;
    const std::string_view body = octets.substr(at + record_front_octets, length);
    if (base::crc32c(body, place_crc(salt, number, at)) != crc) break;
    auto record = parse_record(body);
    if (!record) break;
    out.push_back(std::move(*record));
    at += record_front_octets + length;
  }
  return out;
}

Journal::Journal(const World& world, std::string directory, std::uint32_t octets_max,
                 std::uint32_t next)
    : world_(world), directory_(std::move(directory)), octets_max_(octets_max), next_(next) {}

bool Journal::needs_restart() const { return !restarting_ && (broken_ || end_ >= limit_); }

base::Task<Io<>> Journal::append(JournalRecord record) {
  while (restarting_) co_await sys::Yield(world_.home);
  if (broken_) co_return base::io_error(base::IoErrorCode::failed);
  std::string octets;
  append_record(octets, record, place_crc(salt_, number_, end_));
  const std::array<std::string_view, 1> pieces = {octets};
  const std::uint64_t at = end_;
  end_ += octets.size();
  const Io<> written = co_await sys::write(*file_, at, pieces);
  // What follows a hole cannot be read.
  if (!written) broken_ = true;
  co_return written;
}

base::Task<Io<>> Journal::restart(std::vector<JournalRecord> records) {
  restarting_ = true;
  const std::string path = directory_ + "/" + journal_name(next_);
  const auto salt = static_cast<std::uint32_t>(world_.random.next());
  std::string octets = encode_head(next_, salt);
  for (const JournalRecord& record : records)
    append_record(octets, record, place_crc(salt, next_, octets.size()));

  auto file = world_.disk.open(path, sys::OpenMode::create);
  Io<> result;
  if (!file) {
    result = std::unexpected(file.error());
  } else {
    result = (*file)->allocate(octets.size() + octets_max_);
    const std::array<std::string_view, 1> pieces = {octets};
    if (result) result = co_await sys::write(**file, 0, pieces);
    if (!result) static_cast<void>(world_.disk.unlink(path));
  }
  restarting_ = false;
  if (!result) {
    // The name may still be there. The old file stays in use if it is good.
    if (result.error().code != base::IoErrorCode::no_space) ++next_;
    co_return result;
  }
  if (file_) static_cast<void>(world_.disk.unlink(directory_ + "/" + journal_name(number_)));
  file_ = std::move(*file);
  salt_ = salt;
  end_ = octets.size();
  limit_ = end_ + octets_max_;
  broken_ = false;
  number_ = next_++;
  co_return result;
}

void Journal::remove() {
  if (!file_) return;
  file_.reset();
  static_cast<void>(world_.disk.unlink(directory_ + "/" + journal_name(number_)));
}

}  // namespace spool
