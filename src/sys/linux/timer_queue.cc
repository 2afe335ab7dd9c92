#include "sys/linux/timer_queue.h"

namespace sys::real {

void TimerQueue::add(base::Instant due, Completion<>& done, Loop& loop) {
  if (free_.empty()) {
    // Room first: what comes later, on removal, must not fail.
    heap_.reserve(all_.size() + 1);
    free_.reserve(all_.size() + 1);
    all_.push_back(std::make_unique<Sleeper>());
    free_.push_back(all_.back().get());
  }
  Sleeper* const sleeper = free_.back();
  free_.pop_back();
  *sleeper = {.queue = this, .loop = &loop, .done = &done, .due = due, .order = next_order_++};
  heap_.push_back(sleeper);
  rise(sleeper, heap_.size() - 1);
  done.set_cancel(sleeper, &cancel);
}

std::optional<base::Instant> TimerQueue::first_due() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front()->due;
}

Completion<>* TimerQueue::take_due(base::Instant now) {
  if (heap_.empty() || heap_.front()->due > now) return nullptr;
  Completion<>* const done = heap_.front()->done;
  remove(*heap_.front());
  done->clear_cancel();
  return done;
}

bool TimerQueue::before(const Sleeper& a, const Sleeper& b) {
  return a.due != b.due ? a.due < b.due : a.order < b.order;
}

void TimerQueue::cancel(void* owner, base::Operation& /*operation*/) noexcept {
  Sleeper& sleeper = *static_cast<Sleeper*>(owner);
  sleeper.queue->remove(sleeper);
  Completion<>& done = *sleeper.done;
  done.queue_result(base::io_error(base::IoErrorCode::cancelled));
  sleeper.loop->post(done, done);
}

void TimerQueue::remove(Sleeper& sleeper) noexcept {
  const std::size_t place = sleeper.place;
  Sleeper* const last = heap_.back();
  heap_.pop_back();
  if (last != &sleeper) {
    rise(last, place);
    sink(last, last->place);
  }
  free_.push_back(&sleeper);
}

void TimerQueue::put(std::size_t place, Sleeper* sleeper) noexcept {
  heap_[place] = sleeper;
  sleeper->place = place;
}

void TimerQueue::rise(Sleeper* sleeper, std::size_t place) noexcept {
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (!before(*sleeper, *heap_[parent])) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, sleeper);
}

void TimerQueue::sink(Sleeper* sleeper, std::size_t place) noexcept {
  for (;;) {
    std::size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(*heap_[child + 1], *heap_[child])) ++child;
    if (!before(*heap_[child], *sleeper)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, sleeper);
}

}  // namespace sys::real
