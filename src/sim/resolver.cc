#include "sim/resolver.h"

#include <algorithm>
#include <cerrno>

#include "base/assert.h"

namespace sim {

using base::io_error;
using base::IoErrorCode;

SimResolver::SimResolver(Scheduler& scheduler, const dns::Zone& zone)
    : scheduler_(scheduler), zone_(zone), rng_(scheduler.rng().fork()) {}

SimResolver::~SimResolver() { PH_ASSERT(lookups_.empty()); }

base::Io<dns::Answer> SimResolver::answer(const dns::Question& question) {
  if (rng_.chance(failures_)) return io_error(IoErrorCode::dns);
  dns::LookupResult found = zone_.lookup(question);
  if (found) return std::move(*found);
  switch (found.error()) {
    case dns::LookupError::timed_out: return io_error(IoErrorCode::timed_out, ETIMEDOUT);
    case dns::LookupError::server_failure:
    case dns::LookupError::refused: break;
  }
  return io_error(IoErrorCode::dns);
}

base::Duration SimResolver::pick_latency(const dns::Question& question, bool timed_out) {
  if (timed_out) return lookup_time_out;
  const auto own = latencies_.find(question.name);
  if (own != latencies_.end()) return own->second;
  return base::Duration(rng_.below(static_cast<std::uint64_t>(latency_max_.count()) + 1));
}

sys::Now<dns::Answer> SimResolver::resolve(const dns::Question& question,
                                           sys::Completion<dns::Answer>& done) {
  SimLoop* const loop = scheduler_.current();
  PH_ASSERT(loop != nullptr);
  if (halted_) return io_error(IoErrorCode::cancelled);
  if (lookups_.size() >= lookups_max) return io_error(IoErrorCode::busy);
  base::Io<dns::Answer> result = answer(question);
  const bool timed_out = !result && result.error().code == IoErrorCode::timed_out;
  // As out of a cache.
  if (!timed_out && !latencies_.contains(question.name) && rng_.chance(200)) return result;
  const std::uint64_t number = next_number_++;
  const EventId event =
      scheduler_.after(pick_latency(question, timed_out),
                       [this, number, result = std::move(result)] { finish(number, result); });
  lookups_.emplace(number, Lookup{*loop, done, event});
  done.set_cancel(this, [](void* self, base::Operation& operation) noexcept {
    static_cast<SimResolver*>(self)->cancel(operation);
  });
  return std::nullopt;
}

void SimResolver::finish(std::uint64_t number, base::Io<dns::Answer> result) {
  const auto node = lookups_.extract(number);
  const Lookup& lookup = node.mapped();
  scheduler_.forget(lookup.event);
  lookup.done.queue_result(std::move(result));
  lookup.loop.post(lookup.done, lookup.done);
}

void SimResolver::cancel(const base::Operation& operation) {
  const auto found = std::ranges::find_if(
      lookups_, [&](const auto& one) { return &one.second.done == &operation; });
  PH_ASSERT(found != lookups_.end());
  finish(found->first, io_error(IoErrorCode::cancelled));
}

void SimResolver::halt() {
  halted_ = true;
  while (!lookups_.empty()) finish(lookups_.begin()->first, io_error(IoErrorCode::cancelled));
}

}  // namespace sim
