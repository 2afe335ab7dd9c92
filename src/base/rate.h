#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace base {

/// So many in so much time; as it is by default there is no limit.
struct Rate {
  std::uint32_t count = 0;
  Duration per{};

  [[nodiscard]] bool is_limit() const { return count > 0; }
  /// How long it takes until another one may come.
  [[nodiscard]] Duration interval() const { return per / std::max(count, 1u); }

  friend bool operator==(const Rate&, const Rate&) = default;
};

/// A token bucket in 8 octets. Holds `count` tokens, begins full, and fills evenly: so many may
/// come at once, and then one in each interval. Without a limit it is never empty. Another rate may
/// be given at any time.
class Bucket {
 public:
  /// When the next token is there; `now`: at once.
  [[nodiscard]] Instant next(const Rate& rate, Instant now) {
    if (!rate.is_limit()) return now;
    // A rate that has become smaller must not make anybody wait for longer than it says.
    full_ = std::clamp(full_, now, now + rate.interval() * rate.count);
    return std::max(now, full_ - rate.interval() * (rate.count - 1));
  }

  /// The same, for people: a rate that has just changed counts from the next use on.
  [[nodiscard]] Instant foreseen(const Rate& rate, Instant now) const {
    return Bucket(*this).next(rate, now);
  }

  /// Takes a token. False: there is none.
  [[nodiscard]] bool take(const Rate& rate, Instant now) {
    if (!rate.is_limit()) return true;
    if (next(rate, now) > now) return false;
    full_ += rate.interval();
    return true;
  }

  /// Nothing is remembered by it any more.
  [[nodiscard]] bool is_full(Instant now) const { return full_ <= now; }

 private:
  Instant full_{};  ///< When it is full again.
};

}  // namespace base
