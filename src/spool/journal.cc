#include "spool/journal.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/codec.h"
#include "base/crc32c.h"

namespace spool {

using base::Io;

namespace {

constexpr std::uint32_t journal_magic = 0x314a4850;  // "PHJ1"
constexpr std::size_t journal_head_octets = 16;
constexpr std::size_t record_front_octets = 8;  ///< Length and checksum.
constexpr std::string_view spare_name = "attempts.spare";
/// In octets. A spare that could not be made is tried for again when so much more has been written.
constexpr std::uint64_t spare_step_octets = 64u << 10;

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

struct Head {
  std::uint32_t number = 0;
  std::uint32_t salt = 0;
};

/// `octets`: at least journal_head_octets.
std::optional<Head> decode_head(std::string_view octets) {
  base::Decoder in(octets.substr(0, journal_head_octets));
  const auto magic = in.number<std::uint32_t>();
  Head head;
  head.number = in.number<std::uint32_t>();
  head.salt = in.number<std::uint32_t>();
  const bool right =
      in.number<std::uint32_t>() == base::crc32c(octets.substr(0, journal_head_octets - 4));
  return magic == journal_magic && right ? std::optional(head) : std::nullopt;
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
  const auto head = decode_head(octets);
  if (!head || head->number != number) return out;
  const std::uint32_t salt = head->salt;
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

bool Journal::needs_restart(const JournalRecord& record) const {
  if (restarting_) return false;
  std::string octets;
  append_record(octets, record, 0);
  return broken_ || end_ + octets.size() > limit_;
}

std::string Journal::path_of(std::uint32_t number) const {
  return directory_ + "/" + journal_name(number);
}

std::string Journal::spare_path() const { return directory_ + "/" + std::string(spare_name); }

base::Task<Io<>> Journal::append(JournalRecord record) {
  while (restarting_) co_await sys::Yield(world_.home);
  if (broken_) co_return base::io_error(base::IoErrorCode::failed);
  if (spare_room_ == 0 && end_ >= next_spare_at_) {
    make_spare();
    next_spare_at_ = end_ + spare_step_octets;
  }
  std::string octets;
  append_record(octets, record, place_crc(salt_, number_, end_));
  const std::array<std::string_view, 1> pieces = {octets};
  const std::uint64_t at = end_;
  end_ += octets.size();
  ++writing_;
  const Io<> written = co_await sys::write(*file_, at, pieces);
  --writing_;
  // What follows a hole cannot be read.
  if (!written) broken_ = true;
  co_return written;
}

Io<Journal::Opened> Journal::open_next(const std::string& path, std::uint64_t octets) {
  // What it held before counts for nothing under its new number and salt.
  if (spare_room_ >= octets + octets_max_ / 2) {
    const Io<> renamed = world_.disk.rename(spare_path(), path);
    const std::uint64_t room = std::exchange(spare_room_, 0);
    if (renamed) {
      auto file = world_.disk.open(path, sys::OpenMode::read_write);
      if (!file) return std::unexpected(file.error());
      return Opened{std::move(*file), room};
    }
  }
  auto file = world_.disk.open(path, sys::OpenMode::create);
  if (!file) return std::unexpected(file.error());
  if (const Io<> made = (*file)->allocate(octets + octets_max_); !made) {
    static_cast<void>(world_.disk.unlink(path));
    return std::unexpected(made.error());
  }
  return Opened{std::move(*file), octets + octets_max_};
}

base::Task<Io<>> Journal::restart(Snapshot snapshot) {
  restarting_ = true;
  // The file will be used again: nothing may be written into it late.
  while (writing_ > 0) co_await sys::Yield(world_.home);
  const std::string path = path_of(next_);
  const auto salt = static_cast<std::uint32_t>(world_.random.next());
  std::string octets = encode_head(next_, salt);
  for (const JournalRecord& record : snapshot())
    append_record(octets, record, place_crc(salt, next_, octets.size()));

  Io<Opened> opened = open_next(path, octets.size());
  Io<> result;
  if (!opened) {
    result = std::unexpected(opened.error());
  } else {
    const std::array<std::string_view, 1> pieces = {octets};
    result = co_await sys::write(*opened->file, 0, pieces);
    if (!result) static_cast<void>(world_.disk.unlink(path));
  }
  restarting_ = false;
  if (!result) {
    // The name may still be there. The old file stays in use if it is good.
    if (result.error().code != base::IoErrorCode::no_space) ++next_;
    co_return result;
  }
  if (file_) {
    file_.reset();
    retire(number_, limit_);
  }
  file_ = std::move(opened->file);
  salt_ = salt;
  end_ = octets.size();
  limit_ = opened->room;
  next_spare_at_ = end_;
  broken_ = false;
  number_ = next_++;
  co_return result;
}

void Journal::retire(std::uint32_t number, std::uint64_t room) {
  // A larger one than usual would keep the room of a bad day for ever.
  const bool fits =
      spare_room_ == 0 && room >= octets_max_ && room <= 2 * std::uint64_t{octets_max_};
  if (fits && world_.disk.rename(path_of(number), spare_path()))
    spare_room_ = room;
  else
    static_cast<void>(world_.disk.unlink(path_of(number)));
}

void Journal::remove() {
  if (!file_) return;
  file_.reset();
  retire(number_, limit_);
}

void Journal::find_spare() {
  const auto file = world_.disk.open(spare_path(), sys::OpenMode::read_write);
  const Io<std::uint64_t> size = file ? (*file)->size() : Io<std::uint64_t>(0);
  if (size && *size >= octets_max_) {
    spare_room_ = *size;
    avoid_number_in(**file);
  } else if (file) {
    static_cast<void>(world_.disk.unlink(spare_path()));
  }
}

void Journal::make_spare() {
  if (spare_room_ != 0) return;
  const auto file = world_.disk.open(spare_path(), sys::OpenMode::create);
  if (!file) return;
  if ((*file)->allocate(octets_max_))
    spare_room_ = octets_max_;
  else
    static_cast<void>(world_.disk.unlink(spare_path()));
}

base::Task<> Journal::make_durable_spare() {
  if (spare_room_ != 0) co_return;
  make_spare();
  const auto file = world_.disk.open(spare_path(), sys::OpenMode::read_write);
  if (!file) co_return;
  static_cast<void>(co_await sys::sync(**file));
  static_cast<void>(co_await sys::sync_directory(world_.disk, directory_));
}

void Journal::remove_old(std::uint32_t number) {
  const auto file = world_.disk.open(path_of(number), sys::OpenMode::read);
  const Io<std::uint64_t> size = file ? (*file)->size() : Io<std::uint64_t>(0);
  if (file) avoid_number_in(**file);
  retire(number, size.value_or(0));
}

void Journal::avoid_number_in(sys::File& file) {
  std::string head(journal_head_octets, '\0');
  const Io<std::size_t> got = file.read(0, head);
  if (!got || *got != head.size()) return;
  if (const auto found = decode_head(head)) next_ = std::max(next_, found->number + 1);
}

}  // namespace spool
