#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/id.h"
#include "base/time.h"

namespace queue {

class NextHop;

/// The recipients of one message that go to one next hop. At most 256 octets, and 4 for each
/// further recipient.
struct Entry {
  /// As `due`: not before somebody releases it. It expires, and its delay is told, as ever.
  static constexpr base::Instant parked = base::Instant::max();
  static constexpr std::uint32_t no_slot = static_cast<std::uint32_t>(-1);

  base::MessageId id;
  NextHop* hop = nullptr;
  base::Instant due;  ///< When to try; in the past: as soon as the next hop allows.
  base::Instant expires;
  base::Instant warn = base::Instant::max();  ///< When the originator hears of the delay.
  std::uint32_t attempts = 0;    ///< Mail transactions tried; the back-off of this entry alone.
  std::uint32_t slot = no_slot;  ///< Its place among the deadlines; for Deadlines alone.
  std::uint32_t generation = 0;  ///< Of the options under which it was filed.
  bool announced = false;        ///< That it waits for an unreachable next hop has been logged.
  std::vector<std::uint32_t> recipients;  ///< Indexes into the envelope, ascending.

  [[nodiscard]] bool is_parked() const { return due == parked; }

  /// When something is to be done, whether the next hop can be reached or not.
  [[nodiscard]] base::Instant deadline() const { return std::min(expires, warn); }

  /// Takes recipients out into an entry of their own, which is filed nowhere yet. `taken` are some
  /// of this entry's, ascending.
  [[nodiscard]] std::unique_ptr<Entry> split(std::vector<std::uint32_t> taken) {
    std::erase_if(recipients, [&](std::uint32_t recipient) {
      return std::ranges::binary_search(taken, recipient);
    });
    auto out = std::make_unique<Entry>(*this);
    out->slot = no_slot;
    out->recipients = std::move(taken);
    return out;
  }
};

}  // namespace queue
