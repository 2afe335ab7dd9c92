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

NextHop* Queue::find_hop(std::string_view key) {
  const auto found = hops_.find(std::string(key));
  return found == hops_.end() ? nullptr : found->second.get();
}

std::unique_ptr<Entry> Queue::remove(NextHop& hop, Waiting::iterator at) {
  std::unique_ptr<Entry> entry = std::move(hop.waiting_.extract(at).value());
  deadlines_.remove(*entry);
  ++hop.in_flight_;
  return entry;
}

/// Files the hop under the time at which something may have to be done for it.
void Queue::reschedule(NextHop& hop, Instant now) {
  if (hop.wake_) agenda_.erase({*hop.wake_, hop.serial_});
  hop.wake_.reset();
  if (hop.waiting_.empty()) return;
  const Instant due = (*hop.waiting_.begin())->due;
  if (hop.backing_off()) {
    if (hop.workers_ > 0) return;
    hop.wake_ = std::max(due, hop.next_probe_);
  } else {
    const std::size_t most = hop.workers_max_ > 0 ? hop.workers_max_ : options_.connections;
    if (hop.workers_ >= most || (hop.idle_ > 0 && due <= now)) return;
    hop.wake_ = due;
  }
  agenda_.emplace(std::pair(*hop.wake_, hop.serial_), &hop);
}

void Queue::forget_if_unused(NextHop& hop) {
  if (!hop.waiting_.empty() || hop.workers_ > 0 || hop.in_flight_ > 0) return;
  if (hop.wake_) agenda_.erase({*hop.wake_, hop.serial_});
  const std::string key = hop.key_;
  if (hop.backing_off() && on_forgotten_) on_forgotten_(key);
  hops_.erase(key);
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
  entry->generation = generation_;
  deadlines_.add(*entry);
  const bool due = entry->due <= now;
  hop.waiting_.insert(std::move(entry));
  reschedule(hop, now);
  return due && hop.idle_ > 0 && !hop.backing_off();
}

std::optional<Work> Queue::next_worker(Instant now) {
  if (agenda_.empty() || agenda_.begin()->first.first > now) return std::nullopt;
  NextHop& hop = *agenda_.begin()->second;
  const auto first = hop.waiting_.begin();
  PH_ASSERT(first != hop.waiting_.end() && (*first)->due <= now);
  if (hop.backing_off()) hop.hurried_ = false;
  ++hop.workers_;
  Work work{&hop, remove(hop, first)};
  reschedule(hop, now);
  return work;
}

std::unique_ptr<Entry> Queue::next_overdue(Instant now) {
  Entry* const entry = deadlines_.first();
  if (entry == nullptr || entry->deadline() > now) return nullptr;
  NextHop& hop = *entry->hop;
  const NextHop::Key key{entry->due, entry->id};
  auto at = hop.waiting_.lower_bound(key);
  while (at->get() != entry) ++at;
  auto out = remove(hop, at);
  reschedule(hop, now);
  return out;
}

Instant Queue::next_due() const {
  return agenda_.empty() ? Instant::max() : agenda_.begin()->first.first;
}

Instant Queue::next_deadline() const {
  const Entry* const first = deadlines_.first();
  return first == nullptr ? Instant::max() : first->deadline();
}

std::unique_ptr<Entry> Queue::take(NextHop& hop, Instant now) {
  const auto first = hop.waiting_.begin();
  if (hop.backing_off() || first == hop.waiting_.end() || (*first)->due > now) return nullptr;
  std::unique_ptr<Entry> entry = remove(hop, first);
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
  if (hop.workers_ == 0 && !hop.backing_off()) hop.hurried_ = false;
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
  hop.hurried_ = false;
  if (!hop.backing_off()) return;
  hop.failures_.clear();
  reschedule(hop, now);
}

void Queue::failed(NextHop& hop, HopFailure failure, Instant now, std::uint64_t random) {
  if (hop.backing_off() && (now < hop.next_probe_ || hop.hurried_)) return;
  if (hop.failures_.size() == NextHop::failures_max) hop.failures_.erase(hop.failures_.begin());
  hop.failures_.push_back(std::move(failure));
  const auto count = static_cast<std::uint32_t>(hop.failures_.size());
  hop.next_probe_ = hop.hurried_ ? now : now + retry_delay(count, random);
  reschedule(hop, now);
}

void Queue::restore(NextHop& hop, std::vector<HopFailure> failures, Instant next_probe) {
  hop.failures_ = std::move(failures);
  hop.next_probe_ = next_probe;
}

void Queue::forget_unused() {
  std::erase_if(hops_, [this](const auto& named) {
    const NextHop& hop = *named.second;
    if (!hop.waiting_.empty() || hop.workers_ > 0 || hop.in_flight_ > 0) return false;
    if (hop.backing_off() && on_forgotten_) on_forgotten_(hop.key_);
    return true;
  });
}

Duration Queue::retry_delay(std::uint32_t attempts, std::uint64_t random) const {
  const std::size_t step =
      std::min<std::size_t>(attempts > 0 ? attempts - 1 : 0, options_.retry.size() - 1);
  // 90 % and a share of 20 % in 1/1024 steps.
  const auto delay = options_.retry[step];
  return delay / 10 * 9 + delay / 5 / 1'024 * static_cast<std::int64_t>(random % 1'025);
}

std::vector<std::unique_ptr<Entry>> Queue::extract(
    const std::function<Chosen(const Entry&)>& wanted, Instant now) {
  std::vector<std::unique_ptr<Entry>> out;
  for (auto& [key, hop] : hops_) {
    const std::size_t before = out.size();
    for (auto at = hop->waiting_.begin(); at != hop->waiting_.end();) {
      const auto entry = at++;
      Chosen chosen = wanted(**entry);
      if (chosen.empty()) continue;
      if (chosen.size() == (*entry)->recipients.size()) {
        out.push_back(remove(*hop, entry));
        continue;
      }
      // The others stay where they are: neither the order nor a deadline depends on recipients.
      out.push_back((*entry)->split(std::move(chosen)));
      ++entries_;
      ++hop->in_flight_;
    }
    if (out.size() > before) reschedule(*hop, now);
  }
  return out;
}

void Queue::hurry(NextHop& hop, Instant now) {
  hop.hurried_ = hop.workers_ > 0;
  if (hop.backing_off()) hop.next_probe_ = now;
  reschedule(hop, now);
}

void Queue::set_options(Options options, Instant now) {
  options_ = std::move(options);
  PH_ASSERT(!options_.retry.empty());
  ++generation_;
  for (auto& [key, hop] : hops_) reschedule(*hop, now);
}

std::vector<std::unique_ptr<Entry>> Queue::extract_outdated(NextHop& hop, Place& from,
                                                            std::size_t most, Instant now) {
  std::vector<std::unique_ptr<Entry>> out;
  for (auto at = hop.waiting_.lower_bound(from); at != hop.waiting_.end() && out.size() < most;) {
    const auto entry = at++;
    from = {(*entry)->due, (*entry)->id};
    if (is_outdated(**entry)) out.push_back(remove(hop, entry));
  }
  reschedule(hop, now);
  return out;
}

std::vector<std::string> Queue::hop_keys() const {
  std::vector<const NextHop*> hops;
  for (const auto& [key, hop] : hops_) hops.push_back(hop.get());
  std::ranges::sort(hops, {}, &NextHop::serial_);
  std::vector<std::string> out;
  for (const NextHop* hop : hops) out.push_back(hop->key());
  return out;
}

void Queue::visit(const NextHop& hop, const std::function<void(Entry&)>& visitor) {
  for (const auto& entry : hop.waiting_) visitor(*entry);
}

}  // namespace queue
