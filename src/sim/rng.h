#pragma once

#include <cstdint>

#include "sys/clock.h"

namespace sim {

/// The only source of chance in the simulated world: xoshiro256** fed by splitmix64. Ours, because
/// the distributions of the standard library differ between implementations.
class Rng {
 public:
  explicit Rng(std::uint64_t seed);

  [[nodiscard]] std::uint64_t next();
  /// 0 … bound - 1; 0 when `bound` is 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
  /// True `per_mille` times out of a thousand.
  [[nodiscard]] bool chance(unsigned per_mille) { return below(1'000) < per_mille; }
  [[nodiscard]] bool coin() { return (next() >> 63) != 0; }
  /// A generator of its own for a part of the world, so that what that part asks for does not
  /// disturb the others.
  [[nodiscard]] Rng fork() { return Rng(next()); }

 private:
  std::uint64_t state_[4];
};

/// `sys::Random` out of a seed.
class SeededRandom final : public sys::Random {
 public:
  explicit SeededRandom(Rng rng) : rng_(rng) {}
  [[nodiscard]] std::uint64_t next() override { return rng_.next(); }

 private:
  Rng rng_;
};

}  // namespace sim
