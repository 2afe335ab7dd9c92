#include "queue/deadlines.h"

#include <utility>

namespace queue {

namespace {

/// Of two at one time the older message comes first, so that every run is the same.
bool is_before(const Entry& a, const Entry& b) {
  return std::pair(a.deadline(), a.id) < std::pair(b.deadline(), b.id);
}

}  // namespace

void Deadlines::add(Entry& entry) {
  if (entry.slot != Entry::no_slot || entry.deadline() == base::Instant::max()) return;
  heap_.push_back(&entry);
  place(heap_.size() - 1, &entry);
  sift_up(heap_.size() - 1);
}

void Deadlines::remove(Entry& entry) {
  const std::size_t slot = std::exchange(entry.slot, Entry::no_slot);
  if (slot == Entry::no_slot) return;
  Entry* const last = heap_.back();
  heap_.pop_back();
  if (last == &entry) return;
  place(slot, last);
  sift_up(slot);
  sift_down(last->slot);
}

void Deadlines::place(std::size_t slot, Entry* entry) {
  heap_[slot] = entry;
  entry->slot = static_cast<std::uint32_t>(slot);
}

void Deadlines::sift_up(std::size_t slot) {
  Entry* const entry = heap_[slot];
  while (slot > 0) {
    const std::size_t parent = (slot - 1) / 2;
    if (!is_before(*entry, *heap_[parent])) break;
    place(slot, heap_[parent]);
    slot = parent;
  }
  place(slot, entry);
}

void Deadlines::sift_down(std::size_t slot) {
  Entry* const entry = heap_[slot];
  for (;;) {
    std::size_t child = 2 * slot + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && is_before(*heap_[child + 1], *heap_[child])) ++child;
    if (!is_before(*heap_[child], *entry)) break;
    place(slot, heap_[child]);
    slot = child;
  }
  place(slot, entry);
}

}  // namespace queue
