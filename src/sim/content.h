#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>

#include "sim/rng.h"

namespace sim {

inline constexpr std::uint64_t sector_octets = 512;

/// How much of what was not synced a power cut leaves.
enum class Survival : std::uint8_t { nothing, everything, prefix, any_subset };
[[nodiscard]] Survival pick_survival(Rng& rng);

/// The octets of one file: as reads show them, and what of them a power cut may take back.
class Content {
 public:
  [[nodiscard]] std::uint64_t size() const { return size_; }
  std::size_t read(std::uint64_t at, std::span<char> into) const;
  void write(std::uint64_t at, std::string_view octets);
  void resize(std::uint64_t octets);

  /// Counts the changes: what a sync has to save is what changed up to its call.
  [[nodiscard]] std::uint64_t changes() const { return changes_; }
  /// A sync has succeeded.
  void settle(std::uint64_t up_to_change);
  /// The system wrote some of it out on its own.
  void settle_some(Rng& rng);
  /// A sync has failed: each sector is durable or doomed, and counts as clean.
  void doom_some(std::uint64_t up_to_change, Rng& rng);
  void power_cut(Rng& rng);

 private:
  using Sector = std::array<char, sector_octets>;
  struct Unsynced {
    Sector before;  ///< What is durable.
    std::uint64_t first_change;
  };

  [[nodiscard]] Sector sector(std::uint64_t index) const;
  /// The sector, to be changed.
  Sector& touch(std::uint64_t index);
  void cut_size(Survival survival, Rng& rng);
  void clear_beyond_size();

  std::map<std::uint64_t, Sector> sectors_;  ///< Missing ones are zeros.
  std::map<std::uint64_t, Unsynced> unsynced_;
  std::map<std::uint64_t, Sector> doomed_;  ///< What a power cut brings back.
  std::uint64_t size_ = 0;
  std::uint64_t durable_size_ = 0;
  bool size_unsynced_ = false;
  std::uint64_t size_first_change_ = 0;
  std::uint64_t changes_ = 0;
};

}  // namespace sim
