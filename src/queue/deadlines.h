#pragma once

#include <vector>

#include "queue/entry.h"

namespace queue {

/// The entries that wait, by the time at which something must be said about them, whatever the
/// state of their next hops: a heap that knows where each entry stands. 8 octets for each.
class Deadlines {
 public:
  /// An entry without a deadline, or that was added already, is passed over.
  void add(Entry& entry);
  /// One that is not here is passed over.
  void remove(Entry& entry);

  /// The earliest; nullptr: there is none.
  [[nodiscard]] Entry* first() const { return heap_.empty() ? nullptr : heap_.front(); }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }

 private:
  void place(std::size_t slot, Entry* entry);
  void sift_up(std::size_t slot);
  void sift_down(std::size_t slot);

  std::vector<Entry*> heap_;
};

}  // namespace queue
