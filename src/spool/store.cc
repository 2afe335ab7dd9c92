#include "spool/store.h"

#include <algorithm>

#include "base/crc32c.h"

namespace spool {

using base::Io;
using base::IoErrorCode;
using base::MessageId;

namespace {

constexpr std::size_t open_segments_max = 8;
constexpr std::uint32_t mask_bits = 64;

}  // namespace

void merge_items(std::vector<StatusItem>& into, const std::vector<StatusItem>& from) {
  for (const StatusItem& item : from) {
    if (item.recipient >= into.size()) continue;
    StatusItem& known = into[item.recipient];
    if (item.version >= known.version) known = item;
  }
}

Store::Store(sys::Disk& disk, std::string directory)
    : disk_(disk), directory_(std::move(directory)) {}

Entry* Store::find(MessageId id) {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

void Store::put(MessageId id, const AcceptedSummary& summary, const Location& accepted,
                std::uint32_t content_offset, std::uint64_t content_file) {
  const auto [at, is_new] = entries_.try_emplace(id);
  Entry& entry = at->second;
  entry.accepted = accepted;
  entry.content_offset = content_offset;
  entry.content_file = content_file;
  entry.prefix_octets = summary.prefix_octets;
  entry.content_crc = summary.content_crc;
  entry.size = summary.prefix_octets + summary.content_octets;
  if (!is_new) return;
  entry.recipients = summary.recipients;
  if (summary.recipients > mask_bits)
    wide_[id].assign(summary.recipients, true);
  else
    entry.open = summary.recipients == mask_bits ? ~std::uint64_t{0}
                                                 : (std::uint64_t{1} << summary.recipients) - 1;
}

void Store::erase(MessageId id) {
  entries_.erase(id);
  wide_.erase(id);
  more_states_.erase(id);
  pending_.erase(id);
}

void Store::put_state(MessageId id, std::uint64_t version, bool full, const Location& location) {
  Entry* const entry = find(id);
  if (entry == nullptr) return;
  const auto number = static_cast<std::uint32_t>(version);
  entry->version = std::max(entry->version, number);
  if (full) {
    if (const auto more = more_states_.find(id); more != more_states_.end()) {
      std::erase_if(more->second,
                    [number](const StatePlace& place) { return place.version <= number; });
      if (more->second.empty()) more_states_.erase(more);
    }
    if (entry->state_version <= number) entry->state = {};
  }
  if (entry->state.epoch == 0) {
    entry->state = location;
    entry->state_version = number;
  } else {
    more_states_[id].push_back({location, number});
  }
}

void Store::move_state(MessageId id, const Location& from, const Location& to) {
  if (Entry* const entry = find(id); entry != nullptr && entry->state == from) entry->state = to;
  if (const auto more = more_states_.find(id); more != more_states_.end())
    for (StatePlace& place : more->second)
      if (place.location == from) place.location = to;
}

bool Store::close(MessageId id, const std::vector<StatusItem>& items) {
  Entry* const entry = find(id);
  if (entry == nullptr) return false;
  if (entry->recipients <= mask_bits) {
    for (const StatusItem& item : items)
      if (is_final(item.status.state) && item.recipient < entry->recipients)
        entry->open &= ~(std::uint64_t{1} << item.recipient);
    return entry->open == 0;
  }
  std::vector<bool>& open = wide_[id];
  for (const StatusItem& item : items)
    if (is_final(item.status.state) && item.recipient < open.size()) open[item.recipient] = false;
  return std::ranges::find(open, true) == open.end();
}

std::size_t Store::state_records(MessageId id) const {
  const auto entry = entries_.find(id);
  if (entry == entries_.end() || entry->second.state.epoch == 0) return 0;
  const auto more = more_states_.find(id);
  return 1 + (more == more_states_.end() ? 0 : more->second.size());
}

void Store::put_pending(MessageId id, const std::vector<StatusItem>& items) {
  std::vector<StatusItem>& known = pending_[id];
  for (const StatusItem& item : items) {
    const auto same = std::ranges::find(known, item.recipient, &StatusItem::recipient);
    if (same == known.end())
      known.push_back(item);
    else
      *same = item;
  }
}

void Store::remove_pending(MessageId id, std::uint64_t version) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  std::erase_if(found->second,
                [version](const StatusItem& item) { return item.version == version; });
  if (found->second.empty()) pending_.erase(found);
}

Io<std::shared_ptr<sys::File>> Store::segment(std::uint32_t epoch) {
  const auto known = std::ranges::find(open_segments_, epoch, &OpenSegment::epoch);
  if (known != open_segments_.end()) {
    open_segments_.splice(open_segments_.begin(), open_segments_, known);
    return known->file;
  }
  auto file = disk_.open(directory_ + "/" + segment_name(epoch), sys::OpenMode::read);
  if (!file) return std::unexpected(file.error());
  open_segments_.push_front({epoch, std::move(*file)});
  if (open_segments_.size() > open_segments_max) open_segments_.pop_back();
  return open_segments_.front().file;
}

Io<std::shared_ptr<sys::File>> Store::content_file(std::uint64_t number) {
  auto file = disk_.open(content_directory() + "/" + content_name(number), sys::OpenMode::read);
  if (!file) return std::unexpected(file.error());
  return std::shared_ptr<sys::File>(std::move(*file));
}

void Store::forget_segment(std::uint32_t epoch) {
  open_segments_.remove_if([epoch](const OpenSegment& open) { return open.epoch == epoch; });
}

void Store::damaged(MessageId id, const Location& location, std::string what) {
  last_damage_ = {.id = id,
                  .epoch = location.epoch,
                  .offset = location.offset,
                  .length = location.length,
                  .content_file = 0,
                  .what = std::move(what)};
}

Io<std::string> Store::read_body(const Location& location) {
  const auto file = segment(location.epoch);
  if (!file) return std::unexpected(file.error());
  std::string body(location.length, '\0');
  const Io<std::size_t> octets = (*file)->read(location.offset, body);
  if (!octets) return std::unexpected(octets.error());
  body.resize(*octets);
  return body;
}

Io<Store::Loaded> Store::load(MessageId id) {
  const Entry* const entry = find(id);
  if (entry == nullptr) return base::io_error(IoErrorCode::not_found);
  const Io<std::string> body = read_body(entry->accepted);
  if (!body) return std::unexpected(body.error());
  auto accepted =
      base::crc32c(*body) == entry->accepted.crc ? decode_accepted(*body) : std::nullopt;
  if (!accepted) {
    damaged(id, entry->accepted, "envelope");
    last_damage_.content_file = entry->content_file;
    return base::io_error(IoErrorCode::failed);
  }
  Loaded out;
  out.accepted = std::move(*accepted);
  out.items.resize(out.accepted.envelope.recipients.size());
  for (std::uint32_t i = 0; i < out.items.size(); ++i) {
    out.items[i].recipient = i;
    out.items[i].status.next_attempt = out.accepted.envelope.received;
  }
  if (const Io<> states = load_states(id, *entry, out.items); !states)
    return std::unexpected(states.error());
  if (const auto pending = pending_.find(id); pending != pending_.end())
    merge_items(out.items, pending->second);
  return out;
}

Io<> Store::load_states(MessageId id, const Entry& entry, std::vector<StatusItem>& items) {
  std::vector<Location> locations;
  if (const auto more = more_states_.find(id); more != more_states_.end())
    for (const StatePlace& place : more->second) locations.push_back(place.location);
  if (entry.state.epoch != 0) locations.push_back(entry.state);
  for (const Location& location : locations) {
    const Io<std::string> body = read_body(location);
    if (!body) return std::unexpected(body.error());
    const auto state = base::crc32c(*body) == location.crc ? decode_items(*body) : std::nullopt;
    if (!state) {
      damaged(id, location, "state of the recipients");
      last_damage_.content_file = entry.content_file;
      return base::io_error(IoErrorCode::failed);
    }
    merge_items(items, *state);
  }
  return {};
}

}  // namespace spool
