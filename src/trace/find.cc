#include "trace/find.h"

#include <algorithm>
#include <deque>
#include <optional>

#include "base/codec.h"
#include "trace/segments.h"

namespace trace {

using base::Io;
using base::IoErrorCode;

namespace {

/// A clock may have been set back by so much between the acceptance of a message and an event of
/// it. Segments that ended earlier are not searched.
constexpr base::Duration clock_error_max = std::chrono::hours(48);

[[nodiscard]] base::WallTime time_of(base::MessageId id) {
  return base::WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(id.value >> 20)));
}

/// Fewer octets only at the end of the file.
[[nodiscard]] Io<std::string> read_at(sys::File& file, std::uint64_t at, std::size_t octets) {
  std::string out(octets, '\0');
  const Io<std::size_t> got = file.read(at, out);
  if (!got) return std::unexpected(got.error());
  out.resize(*got);
  return out;
}

/// The index of one segment.
class Index {
 public:
  /// Nullopt: there is none. One that a crash left in part is none.
  [[nodiscard]] static Io<std::optional<Index>> open(sys::Disk& disk, const std::string& path) {
    auto file = disk.open(path, sys::OpenMode::read);
    if (!file) {
      if (file.error().code == IoErrorCode::not_found) return std::nullopt;
      return std::unexpected(file.error());
    }
    const Io<std::string> head = read_at(**file, 0, index_header_octets);
    if (!head) return std::unexpected(head.error());
    const auto entries = parse_index_header(*head);
    const Io<std::uint64_t> size = (*file)->size();
    if (!size) return std::unexpected(size.error());
    if (!entries || *entries > *size / index_entry_octets ||
        *size != index_header_octets + *entries * index_entry_octets) {
      return std::nullopt;
    }
    return Index(std::move(*file), *entries);
  }

  /// Offset of the last record with this id; 0: there is none.
  [[nodiscard]] Io<std::uint32_t> look_up(base::MessageId wanted) const {
    std::uint64_t low = 0;
    std::uint64_t high = entries_;
    while (low < high) {
      const std::uint64_t middle = low + (high - low) / 2;
      const Io<std::string> octets =
          read_at(*file_, index_header_octets + middle * index_entry_octets, index_entry_octets);
      if (!octets) return std::unexpected(octets.error());
      base::Decoder decoder(*octets);
      const base::MessageId id{decoder.number<std::uint64_t>()};
      const auto last = decoder.number<std::uint32_t>();
      if (!decoder.ok()) return 0;
      if (id == wanted) return last;
      if (id < wanted) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return 0;
  }

 private:
  Index(std::unique_ptr<sys::File> file, std::uint64_t entries)
      : file_(std::move(file)), entries_(entries) {}

  std::unique_ptr<sys::File> file_;
  std::uint64_t entries_;
};

/// From the last record with this id back to its first one in this segment, newest first; at most
/// `most`.
[[nodiscard]] Io<std::vector<std::string>> follow(sys::File& file, base::MessageId id,
                                                  std::uint32_t last, std::size_t most) {
  std::vector<std::string> out;
  for (std::uint32_t at = last; at != 0 && out.size() < most;) {
    const Io<std::string> head = read_at(file, at, record_header_octets);
    if (!head) return std::unexpected(head.error());
    const auto header = parse_header(*head);
    if (!header || header->id != id || header->previous >= at) break;
    Io<std::string> text = read_at(file, at + record_header_octets, header->octets);
    if (!text) return std::unexpected(text.error());
    if (!is_whole(*header, *text)) break;
    out.push_back(std::move(*text));
    at = header->previous;
  }
  return out;
}

/// One segment, which may be removed for its age while it is read: then nothing is found there.
class Reading {
 public:
  Reading(sys::Disk& disk, const std::string& directory, const SegmentName& segment)
      : disk_(disk),
        records_(directory + "/" + segment.records()),
        index_(directory + "/" + segment.index()) {}

  using Found = std::map<base::MessageId, std::vector<std::string>>;
  /// The newest records with each of these ids, newest first, at most `most`.
  [[nodiscard]] Io<Found> newest(std::span<const base::MessageId> ids, std::size_t most) const {
    const auto index = Index::open(disk_, index_);
    if (!index) return std::unexpected(index.error());
    return *index ? by_index(**index, ids, most) : by_scan(ids, most);
  }

 private:
  [[nodiscard]] Io<Found> by_index(const Index& index, std::span<const base::MessageId> ids,
                                   std::size_t most) const {
    Found out;
    std::unique_ptr<sys::File> file;
    for (const base::MessageId id : ids) {
      const Io<std::uint32_t> last = index.look_up(id);
      if (!last) return std::unexpected(last.error());
      if (*last == 0) continue;
      if (!file) {
        auto opened = disk_.open(records_, sys::OpenMode::read);
        if (!opened && opened.error().code == IoErrorCode::not_found) return Found{};
        if (!opened) return std::unexpected(opened.error());
        file = std::move(*opened);
      }
      auto found = follow(*file, id, *last, most);
      if (!found) return std::unexpected(found.error());
      out.emplace(id, std::move(*found));
    }
    return out;
  }

  [[nodiscard]] Io<Found> by_scan(std::span<const base::MessageId> ids, std::size_t most) const {
    std::map<base::MessageId, std::deque<std::string>> found;
    for (const base::MessageId id : ids) found[id];
    const auto scanned = scan_segment(
        disk_, records_, [&](std::uint32_t /*offset*/, const RecordHeader& header, auto text) {
          const auto wanted = found.find(header.id);
          if (wanted == found.end()) return;
          wanted->second.emplace_front(text);
          if (wanted->second.size() > most) wanted->second.pop_back();
        });
    if (!scanned && scanned.error().code != IoErrorCode::not_found) {
      return std::unexpected(scanned.error());
    }
    Found out;
    for (auto& [id, texts] : found) {
      if (texts.empty()) continue;
      out[id].assign(std::make_move_iterator(texts.begin()), std::make_move_iterator(texts.end()));
    }
    return out;
  }

  sys::Disk& disk_;
  std::string records_;
  std::string index_;
};

}  // namespace

Io<std::vector<std::string>> find(sys::Disk& disk, const std::string& directory,
                                  base::MessageId id) {
  const auto segments = list_segments(disk, directory);
  if (!segments) return std::unexpected(segments.error());
  std::vector<std::string> out;
  std::size_t octets = 0;
  for (std::size_t i = 0; i < segments->size(); ++i) {
    const bool is_last = i + 1 == segments->size();
    if (!is_last && (*segments)[i + 1].time + clock_error_max < time_of(id)) continue;
    auto found = Reading(disk, directory, (*segments)[i]).newest({&id, 1}, segment_octets_max);
    if (!found) return std::unexpected(found.error());
    std::vector<std::string>& texts = (*found)[id];
    for (auto text = texts.rbegin(); text != texts.rend(); ++text) {
      octets += text->size();
      if (octets <= found_octets_max) out.push_back(std::move(*text));
    }
  }
  return out;
}

base::MessageId hop_id(std::string_view key) {
  // FNV-1a. The highest bit is of no message before the year 2248.
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : key) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3u;
  }
  return {hash | (std::uint64_t{1} << 63)};
}

Io<FoundNewest> find_newest(sys::Disk& disk, const std::string& directory,
                            std::span<const base::MessageId> ids, base::WallTime since,
                            std::size_t most) {
  const auto segments = list_segments(disk, directory);
  if (!segments) return std::unexpected(segments.error());
  FoundNewest out;  // Newest first, until all is found.
  for (std::size_t i = segments->size(); i-- > 0;) {
    const bool is_last = i + 1 == segments->size();
    if (!is_last && (*segments)[i + 1].time < since) break;
    auto found = Reading(disk, directory, (*segments)[i]).newest(ids, most);
    if (!found) return std::unexpected(found.error());
    for (auto& [id, texts] : *found) {
      std::vector<std::string>& all = out[id];
      for (std::string& text : texts) {
        if (all.size() < most) all.push_back(std::move(text));
      }
    }
  }
  for (auto& [id, texts] : out) std::ranges::reverse(texts);
  return out;
}

}  // namespace trace
