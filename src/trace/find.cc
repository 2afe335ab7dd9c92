#include "trace/find.h"

#include <algorithm>
#include <optional>

#include "base/codec.h"
#include "trace/segments.h"

namespace trace {

using base::Io;

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

/// One search in one folder.
class Search {
 public:
  Search(sys::Disk& disk, const std::string& directory, base::MessageId id)
      : disk_(disk), directory_(directory), id_(id) {}

  [[nodiscard]] Io<> search(const SegmentName& segment);
  [[nodiscard]] std::vector<std::string> take() { return std::move(found_); }

 private:
  /// Offset of the message's last record; nullopt: there is no index.
  [[nodiscard]] Io<std::optional<std::uint32_t>> look_up(const SegmentName& segment);
  [[nodiscard]] Io<> follow(const std::string& path, std::uint32_t last);
  void keep(std::string text);

  sys::Disk& disk_;
  const std::string& directory_;
  base::MessageId id_;
  std::vector<std::string> found_;
  std::size_t octets_ = 0;
};

Io<> Search::search(const SegmentName& segment) {
  const std::string path = directory_ + "/" + segment.records();
  const auto last = look_up(segment);
  if (!last) return std::unexpected(last.error());
  if (*last) return **last == 0 ? Io<>() : follow(path, **last);
  const auto scanned = scan_segment(
      disk_, path, [this](std::uint32_t /*offset*/, const RecordHeader& header, auto text) {
        if (header.id == id_) keep(std::string(text));
      });
  // Removed meanwhile, for its age.
  if (!scanned && scanned.error().code != base::IoErrorCode::not_found) {
    return std::unexpected(scanned.error());
  }
  return {};
}

Io<std::optional<std::uint32_t>> Search::look_up(const SegmentName& segment) {
  const auto file = disk_.open(directory_ + "/" + segment.index(), sys::OpenMode::read);
  if (!file) {
    if (file.error().code == base::IoErrorCode::not_found) return std::nullopt;
    return std::unexpected(file.error());
  }
  const Io<std::string> head = read_at(**file, 0, index_header_octets);
  if (!head) return std::unexpected(head.error());
  const auto entries = parse_index_header(*head);
  const Io<std::uint64_t> size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  // An index that a crash left in part is none.
  if (!entries || *entries > *size / index_entry_octets ||
      *size != index_header_octets + *entries * index_entry_octets) {
    return std::nullopt;
  }
  std::uint64_t low = 0;
  std::uint64_t high = *entries;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    const Io<std::string> octets =
        read_at(**file, index_header_octets + middle * index_entry_octets, index_entry_octets);
    if (!octets) return std::unexpected(octets.error());
    base::Decoder decoder(*octets);
    const base::MessageId id{decoder.number<std::uint64_t>()};
    const auto last = decoder.number<std::uint32_t>();
    if (!decoder.ok()) return std::nullopt;
    if (id == id_) return last;
    if (id < id_) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return 0;
}

/// From the last record of the message back to its first one in this segment.
Io<> Search::follow(const std::string& path, std::uint32_t last) {
  const auto file = disk_.open(path, sys::OpenMode::read);
  if (!file) {
    if (file.error().code == base::IoErrorCode::not_found) return {};
    return std::unexpected(file.error());
  }
  std::vector<std::string> backwards;
  for (std::uint32_t at = last; at != 0;) {
    const Io<std::string> head = read_at(**file, at, record_header_octets);
    if (!head) return std::unexpected(head.error());
    const auto header = parse_header(*head);
    if (!header || header->id != id_ || header->previous >= at) break;
    Io<std::string> text = read_at(**file, at + record_header_octets, header->octets);
    if (!text) return std::unexpected(text.error());
    if (!is_whole(*header, *text)) break;
    backwards.push_back(std::move(*text));
    at = header->previous;
  }
  for (auto text = backwards.rbegin(); text != backwards.rend(); ++text) keep(std::move(*text));
  return {};
}

void Search::keep(std::string text) {
  octets_ += text.size();
  if (octets_ <= found_octets_max) found_.push_back(std::move(text));
}

}  // namespace

Io<std::vector<std::string>> find(sys::Disk& disk, const std::string& directory,
                                  base::MessageId id) {
  const auto segments = list_segments(disk, directory);
  if (!segments) return std::unexpected(segments.error());
  Search search(disk, directory, id);
  for (std::size_t i = 0; i < segments->size(); ++i) {
    const bool is_last = i + 1 == segments->size();
    if (!is_last && (*segments)[i + 1].time + clock_error_max < time_of(id)) continue;
    if (const Io<> searched = search.search((*segments)[i]); !searched) {
      return std::unexpected(searched.error());
    }
  }
  return search.take();
}

}  // namespace trace
