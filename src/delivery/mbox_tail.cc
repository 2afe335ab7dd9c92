#include "delivery/mbox_tail.h"

#include <algorithm>

#include "sys/disk.h"

namespace delivery {

using base::Io;

namespace {

constexpr std::string_view blank_line = "\n\n";

/// Up to `octets` octets before `end`.
Io<std::string> read_before(sys::File& file, std::uint64_t end, std::uint64_t octets) {
  octets = std::min(octets, end);
  std::string out(octets, '\0');
  const Io<std::size_t> got = file.read(end - octets, out);
  if (!got) return std::unexpected(got.error());
  out.resize(*got);
  return out;
}

/// A message may begin here: at the start of the file, or behind a blank line.
bool may_begin(std::string_view before) { return before.empty() || before.ends_with(blank_line); }

/// Whether `found` can be what is left of the beginning of `text`.
bool is_torn(std::string_view found, std::string_view text) {
  if (found.size() >= text.size()) return false;
  // So much must be there that it is certainly this message.
  const std::size_t head = std::min(text.find('\n') + 1, found.size());
  if (found.substr(0, head) != text.substr(0, head)) return false;
  return std::ranges::equal(found.substr(head), text.substr(head, found.size() - head),
                            [](char has, char had) { return has == had || has == '\0'; });
}

}  // namespace

Io<bool> mbox_ends_with(sys::File& file, std::uint64_t end, std::string_view text) {
  if (end < text.size()) return false;
  const Io<std::string> tail = read_before(file, end, text.size() + blank_line.size());
  if (!tail) return std::unexpected(tail.error());
  if (!tail->ends_with(text)) return false;
  return may_begin(std::string_view(*tail).substr(0, tail->size() - text.size()));
}

Io<std::optional<std::uint64_t>> mbox_torn_from(sys::File& file, std::uint64_t end,
                                                std::string_view text) {
  const Io<std::string> tail = read_before(file, end, text.size() + blank_line.size());
  if (!tail) return std::unexpected(tail.error());
  const std::uint64_t start = end - tail->size();
  const std::string_view all = *tail;
  for (std::size_t at = all.find('F'); at != all.npos; at = all.find('F', at + 1)) {
    if ((at == 0 && start > 0) || !may_begin(all.substr(0, at))) continue;
    if (is_torn(all.substr(at), text)) return start + at;
  }
  return std::nullopt;
}

Io<std::string_view> mbox_gap(sys::File& file, std::uint64_t end) {
  const Io<std::string> tail = read_before(file, end, blank_line.size());
  if (!tail) return std::unexpected(tail.error());
  if (may_begin(*tail)) return std::string_view();
  return tail->ends_with('\n') ? blank_line.substr(1) : blank_line;
}

}  // namespace delivery
