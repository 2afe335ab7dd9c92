#include "queue/queue.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace queue {

using base::Duration;
using base::Instant;

Queue::Queue(Options options) : options_(std::move(options)) { PH_ASSERT(!options_.retry.empty()); }

Queue::~Queue() = default;

NextHop& Queue::hop(std::string_view key, std::size_t workers_max) {
  auto [found, made] = hops_.try_emplace(std::string(key));
  if (made) found->second = std::make_unique<NextHop>(std::string(key), ++hops_made_);
  found->second->workers_max_ = workers_max;
  return *found->second;
}

const NextHop* Queue::find_hop(std::string_view key) const {
  const auto found = hops_.find(std::string(key));
  return found == hops_.end() ? nullptr : found->second.get();
}

/// Files the hop under the time at which something may have to be done for it.
void Queue::reschedule(NextHop& hop, Instant now) {
  if (hop.wake_) agenda_.erase({*hop.wake_, hop.serial_});
  hop.wake_.reset();
  if (hop.waiting_.empty()) return;
  const Instant due = (*hop.waiting_.begin())->due;
  Instant wake = hop.first_expiry_;
  if (hop.backing_off()) {
    if (hop.workers_ == 0) wake = std::min(wake, std::max(due, hop.next_probe_));
  } else if (hop.workers_ < (hop.workers_max_ > 0 ? hop.workers_max_ : options_.connections) &&
             (hop.idle_ == 0 || due > now)) {
    wake = std::min(wake, due);
  }
  hop.wake_ = wake;
  agenda_.emplace(std::pair(wake, hop.serial_), &hop);
}

void Queue::forget_if_unused(NextHop& hop) {
  if (!hop.waiting_.empty() || hop.workers_ > 0 || hop.in_flight_ > 0) return;
  if (hop.wake_) agenda_.erase({*hop.wake_, hop.serial_});
  hops_.erase(std::string(hop.key_));
}

bool Queue::add(std::unique_ptr<Entry> entry, NextHop& hop, Instant now) {
  PH_ASSERT(!entry->recipients.empty());
  if (entry->hop == nullptr) {
    ++entries_;
  } else if (entry->hop != &hop) {
    NextHop& old = *entry->hop;
    --old.in_flight_;
    forget_if_unused(old);
  } else {
    --hop.in_flight_;
  }
  entry->hop = &hop;
  entry->due = std::min(entry->due, entry->expires);
  hop.first_expiry_ = std::min(hop.first_expiry_, entry->expires);
  const bool due = entry->due <= now;
  hop.waiting_.insert(std::move(entry));
  reschedule(hop, now);
  return due && hop.idle_ > 0 && !hop.backing_off();
}

std::optional<Work> Queue::next_worker(Instant now) {
  while (!agenda_.empty() && agenda_.begin()->first.first <= now) {
    NextHop& hop = *agenda_.begin()->second;
    if (hop.first_expiry_ <= now) return std::nullopt;  // next_expired() comes first.
    const auto first = hop.waiting_.begin();
    PH_ASSERT(first != hop.waiting_.end() && (*first)->due <= now);
    Work work{&hop, std::move(hop.waiting_.extract(first).value())};
    ++hop.workers_;
    ++hop.in_flight_;
    reschedule(hop, now);
    return work;
  }
  return std::nullopt;
}

std::unique_ptr<Entry> Queue::next_expired(Instant now) {
  while (!agenda_.empty() && agenda_.begin()->first.first <= now) {
    NextHop& hop = *agenda_.begin()->second;
    if (hop.first_expiry_ > now) return nullptr;
    Instant next = Instant::max();
    auto expired = hop.waiting_.begin();
    for (; expired != hop.waiting_.end() && (*expired)->expires > now; ++expired) {
      next = std::min(next, (*expired)->expires);
    }
    if (expired == hop.waiting_.end()) {
      hop.first_expiry_ = next;
      reschedule(hop, now);
      continue;
    }
    std::unique_ptr<Entry> entry = std::move(hop.waiting_.extract(expired).value());
    ++hop.in_flight_;
    reschedule(hop, now);
    return entry;
  }
  return nullptr;
}

Instant Queue::next_wake() const {
  return agenda_.empty() ? Instant::max() : agenda_.begin()->first.first;
}

std::unique_ptr<Entry> Queue::take(NextHop& hop, Instant now) {
  const auto first = hop.waiting_.begin();
  if (hop.backing_off() || first == hop.waiting_.end() || (*first)->due > now) return nullptr;
  std::unique_ptr<Entry> entry = std::move(hop.waiting_.extract(first).value());
  ++hop.in_flight_;
  reschedule(hop, now);
  return entry;
}

void Queue::worker_idle(NextHop& hop, bool idle) {
  if (idle) {
    ++hop.idle_;
    return;
  }
  PH_ASSERT(hop.idle_ > 0);
  --hop.idle_;
}

void Queue::worker_ended(NextHop& hop, Instant now) {
  PH_ASSERT(hop.workers_ > 0);
  --hop.workers_;
  reschedule(hop, now);
  forget_if_unused(hop);
}

void Queue::finished(std::unique_ptr<Entry> entry, Instant now) {
  NextHop& hop = *entry->hop;
  --hop.in_flight_;
  --entries_;
  entry.reset();
  reschedule(hop, now);
  forget_if_unused(hop);
}

void Queue::reached(NextHop& hop, Instant now) {
  if (!hop.backing_off()) return;
  hop.failures_.clear();
  reschedule(hop, now);
}

void Queue::failed(NextHop& hop, HopFailure failure, Instant now, std::uint64_t random) {
  if (hop.backing_off() && now < hop.next_probe_) return;
  if (hop.failures_.size() == NextHop::failures_max) hop.failures_.erase(hop.failures_.begin());
  hop.failures_.push_back(std::move(failure));
  const auto count = static_cast<std::uint32_t>(hop.failures_.size());
  hop.next_probe_ = now + retry_delay(count, random);
  reschedule(hop, now);
}

void Queue::restore(NextHop& hop, std::vector<HopFailure> failures, Instant next_probe) {
  hop.failures_ = std::move(failures);
  hop.next_probe_ = next_probe;
}

void Queue::forget_unused() {
  std::erase_if(hops_, [](const auto& named) {
    return named.second->waiting_.empty() && named.second->workers_ == 0 &&
           named.second->in_flight_ == 0;
  });
}

Duration Queue::retry_delay(std::uint32_t attempts, std::uint64_t random) const {
  const std::size_t step =
      std::min<std::size_t>(attempts > 0 ? attempts - 1 : 0, options_.retry.size() - 1);
  // 90 % and a share of 20 % in 1/1024 steps.
  const auto delay = options_.retry[step];
  return delay / 10 * 9 + delay / 5 / 1'024 * static_cast<std::int64_t>(random % 1'025);
}

std::size_t Queue::retry(const std::function<Chosen(const Entry&)>& wanted, Instant now) {
  std::size_t count = 0;
  for (auto& [key, hop] : hops_) {
    std::vector<std::unique_ptr<Entry>> due;
    for (auto it = hop->waiting_.begin(); it != hop->waiting_.end();) {
      const auto next = std::next(it);
      Chosen chosen = wanted(**it);
      count += chosen.size();
      if (chosen.size() == (*it)->recipients.size()) {
        due.push_back(std::move(hop->waiting_.extract(it).value()));
      } else if (!chosen.empty()) {
        // The others stay where they are. Neither the order nor the entry's place depends on them.
        std::erase_if((*it)->recipients, [&](std::uint32_t recipient) {
          return std::ranges::binary_search(chosen, recipient);
        });
        due.push_back(std::make_unique<Entry>(**it));
        due.back()->recipients = std::move(chosen);
        ++entries_;
      }
      it = next;
    }
    if (due.empty()) continue;
    if (hop->backing_off()) hop->next_probe_ = now;
    for (auto& entry : due) {
      entry->due = now;
      hop->waiting_.insert(std::move(entry));
    }
    reschedule(*hop, now);
  }
  return count;
}

void Queue::visit(const NextHop& hop, const std::function<void(Entry&)>& visitor) {
  for (const auto& entry : hop.waiting_) visitor(*entry);
}

}  // namespace queue
