#include "sim/content.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sim {

Survival pick_survival(Rng& rng) {
  // Losing all of it finds a missing sync most often, the rest finds what only a mixture breaks.
  constexpr Survival choices[] = {Survival::nothing,    Survival::nothing,    Survival::prefix,
                                  Survival::any_subset, Survival::any_subset, Survival::everything};
  return choices[rng.below(std::size(choices))];
}

Content::Sector Content::sector(std::uint64_t index) const {
  const auto found = sectors_.find(index);
  return found == sectors_.end() ? Sector{} : found->second;
}

Content::Sector& Content::touch(std::uint64_t index) {
  Sector& now = sectors_.try_emplace(index, Sector{}).first->second;
  const auto doomed = doomed_.find(index);
  unsynced_.try_emplace(index, doomed == doomed_.end() ? now : doomed->second, changes_);
  if (doomed != doomed_.end()) doomed_.erase(doomed);
  return now;
}

std::size_t Content::read(std::uint64_t at, std::span<char> into) const {
  if (at >= size_) return 0;
  const auto octets = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - at));
  if (octets == 0) return 0;
  std::memset(into.data(), 0, octets);
  const std::uint64_t end = at + octets;
  for (auto it = sectors_.lower_bound(at / sector_octets);
       it != sectors_.end() && it->first * sector_octets < end; ++it) {
    const std::uint64_t start = it->first * sector_octets;
    const std::uint64_t from = std::max(at, start);
    const std::uint64_t to = std::min(end, start + sector_octets);
    std::memcpy(into.data() + (from - at), it->second.data() + (from - start), to - from);
  }
  return octets;
}

void Content::write(std::uint64_t at, std::string_view octets) {
  if (octets.empty()) return;
  ++changes_;
  if (at + octets.size() > size_) resize(at + octets.size());
  while (!octets.empty()) {
    const std::uint64_t offset = at % sector_octets;
    const std::size_t part = std::min<std::size_t>(octets.size(), sector_octets - offset);
    std::memcpy(touch(at / sector_octets).data() + offset, octets.data(), part);
    octets.remove_prefix(part);
    at += part;
  }
}

void Content::resize(std::uint64_t octets) {
  if (octets == size_) return;
  ++changes_;
  if (!size_unsynced_) {
    size_unsynced_ = true;
    size_first_change_ = changes_;
  }
  const std::uint64_t old_size = std::exchange(size_, octets);
  if (octets > old_size) return;
  if (const std::uint64_t kept = octets % sector_octets; kept != 0) {
    Sector& last = touch(octets / sector_octets);
    std::fill(last.begin() + static_cast<std::ptrdiff_t>(kept), last.end(), '\0');
  }
  const std::uint64_t first_gone = (octets + sector_octets - 1) / sector_octets;
  for (auto it = sectors_.lower_bound(first_gone); it != sectors_.end(); ++it)
    touch(it->first).fill('\0');
}

void Content::settle(std::uint64_t up_to_change) {
  std::erase_if(unsynced_,
                [&](const auto& one) { return one.second.first_change <= up_to_change; });
  if (size_unsynced_ && size_first_change_ <= up_to_change) {
    durable_size_ = size_;
    size_unsynced_ = false;
  }
}

void Content::settle_some(Rng& rng) {
  std::erase_if(unsynced_, [&](const auto&) { return rng.coin(); });
}

void Content::doom_some(std::uint64_t up_to_change, Rng& rng) {
  const Survival survival = pick_survival(rng);
  for (auto it = unsynced_.begin(); it != unsynced_.end();) {
    if (it->second.first_change > up_to_change) {
      ++it;
      continue;
    }
    const bool saved =
        survival == Survival::everything || (survival != Survival::nothing && rng.coin());
    if (!saved) doomed_.emplace(it->first, it->second.before);
    it = unsynced_.erase(it);
  }
  if (!size_unsynced_ || size_first_change_ > up_to_change) return;
  size_unsynced_ = false;
  if (survival == Survival::everything || rng.coin()) durable_size_ = size_;
}

void Content::power_cut(Rng& rng) {
  const Survival survival = pick_survival(rng);
  std::uint64_t left = survival == Survival::prefix ? rng.below(unsynced_.size() + 1) : 0;
  for (const auto& [index, unsynced] : unsynced_) {
    bool survives = false;
    switch (survival) {
      case Survival::nothing: break;
      case Survival::everything: survives = true; break;
      case Survival::prefix:
        survives = left > 0;
        if (survives) --left;
        break;
      case Survival::any_subset: survives = rng.coin(); break;
    }
    if (!survives) sectors_[index] = unsynced.before;
  }
  for (const auto& [index, before] : doomed_) sectors_[index] = before;
  unsynced_.clear();
  doomed_.clear();
  cut_size(survival, rng);
  clear_beyond_size();
}

void Content::cut_size(Survival survival, Rng& rng) {
  const auto [low, high] = std::minmax(size_, durable_size_);
  if (!size_unsynced_ || survival == Survival::nothing) {
    size_ = durable_size_;
  } else if (survival != Survival::everything) {
    const std::uint64_t between = low + rng.below(high - low + 1);
    const std::uint64_t choices[] = {size_, durable_size_, between};
    size_ = choices[rng.below(std::size(choices))];
  }
  durable_size_ = size_;
  size_unsynced_ = false;
}

void Content::clear_beyond_size() {
  sectors_.erase(sectors_.lower_bound((size_ + sector_octets - 1) / sector_octets), sectors_.end());
  const auto last = sectors_.find(size_ / sector_octets);
  if (last == sectors_.end()) return;
  const auto kept = static_cast<std::ptrdiff_t>(size_ % sector_octets);
  std::fill(last->second.begin() + kept, last->second.end(), '\0');
}

}  // namespace sim
