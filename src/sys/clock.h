#pragma once

#include <cstdint>

#include "base/time.h"

namespace sys {

/// Civil time: for what is stored, logged or written into header fields. May jump.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual base::WallTime wall() const = 0;  ///< From any thread.
};

class Random {
 public:
  virtual ~Random() = default;
  /// Fit for secrets in the real world; from the seed in the simulated one. From any thread.
  [[nodiscard]] virtual std::uint64_t next() = 0;
};

}  // namespace sys
