#include "engine/timers.h"

#include <utility>

#include "base/assert.h"

namespace engine {

using base::Instant;

Deadline::~Deadline() {
  if (slot_ != not_filed) timers_.remove(*this);
}

void Deadline::set(Instant due) {
  due_ = due;
  if (due == Instant::max()) return;  // Never.
  const bool later = slot_ != not_filed && timers_.heap_[slot_].at <= due;
  if (!later) timers_.file(*this);
}

Timers::Timers(sys::Loop& loop) : loop_(loop) {
  alarm_.timers = this;
  alarm_.run = [](base::Posted& posted) noexcept { static_cast<Alarm&>(posted).timers->awake(); };
}

Timers::~Timers() { PH_ASSERT(!armed_ && heap_.empty()); }

void Timers::stop() noexcept {
  stopped_ = true;
  if (armed_) alarm_.cancel();
}

void Timers::place(std::size_t slot, Filed filed) {
  heap_[slot] = filed;
  filed.deadline->slot_ = slot;
}

void Timers::sift_up(std::size_t slot) {
  const Filed filed = heap_[slot];
  while (slot > 0 && heap_[(slot - 1) / 2].at > filed.at) {
    place(slot, heap_[(slot - 1) / 2]);
    slot = (slot - 1) / 2;
  }
  place(slot, filed);
}

void Timers::sift_down(std::size_t slot) {
  const Filed filed = heap_[slot];
  for (;;) {
    std::size_t child = 2 * slot + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].at < heap_[child].at) ++child;
    if (heap_[child].at >= filed.at) break;
    place(slot, heap_[child]);
    slot = child;
  }
  place(slot, filed);
}

void Timers::file(Deadline& deadline) {
  if (deadline.slot_ == Deadline::not_filed) {
    heap_.push_back({deadline.due_, &deadline});
    sift_up(heap_.size() - 1);
  } else {
    heap_[deadline.slot_].at = deadline.due_;
    sift_up(deadline.slot_);
  }
  if (deadline.slot_ == 0) arm();
}

void Timers::remove(Deadline& deadline) {
  const std::size_t slot = std::exchange(deadline.slot_, Deadline::not_filed);
  const Filed last = heap_.back();
  heap_.pop_back();
  if (slot == heap_.size()) return;
  place(slot, last);
  sift_up(slot);
  sift_down(last.deadline->slot_);
}

void Timers::arm() {
  if (stopped_ || heap_.empty()) return;
  const Instant when = heap_.front().at + granularity;
  if (armed_) {
    // An earlier time than the one slept for: end the sleep, awake() then arms anew.
    if (when + granularity < armed_for_) alarm_.cancel();
    return;
  }
  armed_ = true;
  armed_for_ = when;
  if (loop_.sleep_until(when, alarm_)) loop_.post(alarm_, alarm_);
}

void Timers::awake() noexcept {
  armed_ = false;
  const Instant now = loop_.now();
  while (!stopped_ && !heap_.empty() && heap_.front().at <= now) {
    Deadline& deadline = *heap_.front().deadline;
    if (deadline.due_ > now && deadline.due_ != Instant::max()) {  // Moved to a later time.
      heap_.front().at = deadline.due_;
      sift_down(0);
      continue;
    }
    const bool due = deadline.due_ <= now;
    deadline.clear();
    remove(deadline);
    if (due) deadline.expired();
  }
  arm();
}

}  // namespace engine
