#include "queue/queue.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace queue {

using base::Duration;
using base::Instant;

Queue::Queue(Options options) : options_(std::move(options)) { PH_ASSERT(!options_.retry.empty()); }

Queue::~Queue() = default;

NextHop& Queue::hop(std::string_view key, const HopLimits& limits) {
  auto [found, made] = hops_.try_emplace(std::string(key));
  if (made) {
    found->second = std::make_unique<NextHop>(std::string(key), ++hops_made_);
    if (const Known* known = known_.find(key)) {
      found->second->concurrency_ = known->concurrency;
      found->second->bucket_ = known->bucket;
      known_.forget(key);
    }
  }
  found->second->limits_ = limits;
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

std::size_t Queue::workers_max(const NextHop& hop, Instant now) const {
  if (hop.limits_.workers > 0) return hop.limits_.workers;
  return hop.concurrency_.allowed(options_.connections, now);
}

Instant Queue::rate_allows(const NextHop& hop, Instant now) const {
  return hop.limits_.limited ? hop.bucket_.foreseen(options_.messages, now) : now;
}

Instant Queue::may_start(NextHop& hop, Instant now) const {
  const Instant rate = hop.limits_.limited ? hop.bucket_.next(options_.messages, now) : now;
  return std::max(rate, hop.concurrency_.paused_until());
}

bool Queue::is_crowded(const NextHop& hop, Instant now) const {
  return hop.workers_ > workers_max(hop, now);
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
    // An idle worker sees to what is due, also to what must wait until more may be begun.
    if (hop.workers_ >= workers_max(hop, now) || (hop.idle_ > 0 && due <= now)) return;
    hop.wake_ = due;
  }
  if (const Instant start = may_start(hop, now); start > now) {
    hop.wake_ = std::max(*hop.wake_, start);
  }
  agenda_.emplace(std::pair(*hop.wake_, hop.serial_), &hop);
}

void Queue::forget_if_unused(NextHop& hop, Instant now) {
  if (!hop.waiting_.empty() || hop.workers_ > 0 || hop.in_flight_ > 0) return;
  if (hop.wake_) agenda_.erase({*hop.wake_, hop.serial_});
  const std::string key = hop.key_;
  const bool is_slowed = hop.limits_.limited && !hop.bucket_.is_full(now);
  if (is_slowed || hop.concurrency_.is_worth_keeping(now)) {
    known_.get(key) = {hop.concurrency_, hop.bucket_};
  }
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
    forget_if_unused(old, now);
  } else {
    --hop.in_flight_;
  }
  entry->hop = &hop;
  if (!entry->is_parked()) entry->due = std::min(entry->due, entry->expires);
  entry->generation = generation_;
  deadlines_.add(*entry);
  const bool due = entry->due <= now;
  hop.waiting_.insert(std::move(entry));
  reschedule(hop, now);
  return due && hop.idle_ > 0 && !hop.backing_off() && may_start(hop, now) <= now;
}

/// A message is about to go there.
void Queue::spend(NextHop& hop, Instant now) {
  if (hop.limits_.limited) (void)hop.bucket_.take(options_.messages, now);
}

std::optional<Work> Queue::next_worker(Instant now) {
  while (!agenda_.empty() && agenda_.begin()->first.first <= now &&
         may_start(*agenda_.begin()->second, now) > now) {
    reschedule(*agenda_.begin()->second, now);
  }
  if (agenda_.empty() || agenda_.begin()->first.first > now) return std::nullopt;
  NextHop& hop = *agenda_.begin()->second;
  const auto first = hop.waiting_.begin();
  PH_ASSERT(first != hop.waiting_.end() && (*first)->due <= now);
  if (hop.backing_off()) hop.hurried_ = false;
  spend(hop, now);
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
  if (is_crowded(hop, now) || may_start(hop, now) > now) return nullptr;
  spend(hop, now);
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

void Queue::worker_connected(NextHop& hop, bool connected) {
  PH_ASSERT(connected || hop.connected_ > 0);
  hop.connected_ += connected ? 1 : -1;
}

void Queue::worker_ended(NextHop& hop, Instant now) {
  PH_ASSERT(hop.workers_ > 0);
  --hop.workers_;
  if (hop.workers_ == 0 && !hop.backing_off()) hop.hurried_ = false;
  reschedule(hop, now);
  forget_if_unused(hop, now);
}

void Queue::finished(std::unique_ptr<Entry> entry, Instant now) {
  NextHop& hop = *entry->hop;
  --hop.in_flight_;
  --entries_;
  entry.reset();
  reschedule(hop, now);
  forget_if_unused(hop, now);
}

void Queue::reached(NextHop& hop, Instant now) {
  hop.hurried_ = false;
  if (!hop.backing_off()) return;
  hop.failures_.clear();
  reschedule(hop, now);
}

void Queue::failed(NextHop& hop, HopFailure failure, Instant now, std::uint64_t random) {
  hop.concurrency_.failed();
  if (hop.backing_off() && (now < hop.next_probe_ || hop.hurried_)) return;
  if (hop.failures_.size() == NextHop::failures_max) hop.failures_.erase(hop.failures_.begin());
  hop.failures_.push_back(std::move(failure));
  const auto count = static_cast<std::uint32_t>(hop.failures_.size());
  hop.next_probe_ = hop.hurried_ ? now : now + retry_delay(count, random);
  reschedule(hop, now);
}

void Queue::answered(NextHop& hop, Answer answer, Instant now) {
  Concurrency& concurrency = hop.concurrency_;
  switch (answer) {
    case Answer::good: {
      const bool was_paused = concurrency.paused_until() > now;
      if (!concurrency.answered(options_.connections) && !was_paused) return;
      break;
    }
    case Answer::refused:
      if (concurrency.refused()) break;
      return;
    case Answer::closing: concurrency.closing(now); break;
  }
  reschedule(hop, now);
}

void Queue::full(NextHop& hop, Instant now) {
  hop.concurrency_.full(hop.connected_, now);
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

std::vector<base::MessageId> Queue::parked() const {
  std::vector<base::MessageId> out;
  for (const auto& [key, hop] : hops_) {
    // They come last, whatever waits beside them.
    for (auto at = hop->waiting_.rbegin(); at != hop->waiting_.rend() && (*at)->is_parked(); ++at) {
      out.push_back((*at)->id);
    }
  }
  std::ranges::sort(out);
  const auto [first, last] = std::ranges::unique(out);
  out.erase(first, last);
  return out;
}

void Queue::hurry(NextHop& hop, Instant now) {
  hop.hurried_ = hop.workers_ > 0;
  hop.concurrency_.hurry();
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
