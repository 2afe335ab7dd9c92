#include "queue/concurrency.h"

#include <algorithm>

namespace queue {

bool Concurrency::answered(std::size_t most) {
  refusals_ = 0;
  pauses_ = 0;
  paused_until_ = {};
  if (room_ >= most) return false;
  ++room_;
  return true;
}

bool Concurrency::refused() {
  if (++refusals_ < std::max(room_, burst_min)) return false;
  refusals_ = 0;
  const std::uint32_t before = room_;
  room_ = std::max(room_ / 2, 1u);
  return room_ < before;
}

bool Concurrency::closing(base::Instant now) {
  const bool less = refused();
  // What was begun before the pause is no answer to it.
  if (now < paused_until_) return less;
  constexpr std::uint32_t doublings_max = 10;
  const base::Duration pause = pause_min * (1u << std::min(pauses_++, doublings_max));
  paused_until_ = now + std::min(pause, pause_max);
  return less;
}

void Concurrency::full(std::size_t open, base::Instant now) {
  const auto room = static_cast<std::uint32_t>(std::max<std::size_t>(open, 1));
  ceiling_ = now < ceiling_until_ ? std::min(ceiling_, room) : room;
  ceiling_until_ = now + ceiling_for;
}

void Concurrency::failed() {
  room_ = 1;
  refusals_ = 0;
  pauses_ = 0;
  paused_until_ = {};
}

void Concurrency::hurry() { paused_until_ = {}; }

std::size_t Concurrency::allowed(std::size_t most, base::Instant now) const {
  std::size_t out = std::min<std::size_t>(room_, most);
  if (now < ceiling_until_) out = std::min<std::size_t>(out, ceiling_);
  return std::max<std::size_t>(out, 1);
}

}  // namespace queue
