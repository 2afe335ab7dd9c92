#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "delivery/ledger.h"
#include "engine/event_log.h"
#include "route/mx_lookup.h"
#include "route/step.h"

namespace delivery {

/// What the trace alone gets: decisions with their reasons, and what belongs to a next hop and not
/// to the messages that wait for it, which is recorded once, under trace::hop_id of its key.
class TraceNotes {
 public:
  explicit TraceNotes(engine::EventLog& log) : log_(log) {}

  /// Nobody keeps a trace: there is no need to ask for reasons.
  [[nodiscard]] bool wanted() const { return log_.is_traced(); }

  /// Where a recipient goes from now on: event `routed` with `to`, `via`, `steps`.
  void routed(base::MessageId id, std::string_view to, std::string_view via,
              const std::vector<route::Step>& steps);
  /// The next hop could not be reached: event `unreached` with `via`, `host`, `address`, `tls`,
  /// `reply`, `next_attempt`.
  void unreached(const Attempt& attempt, const std::string& reply, base::WallTime time,
                 base::WallTime next_attempt);
  /// Whom the next hop leads to, when that is new or has not been told for an hour: event `found`
  /// with `via`, `hosts`, `steps`.
  void found(const std::string& via, const std::vector<route::Host>& hosts,
             const std::vector<route::Step>& steps, base::Instant now);
  /// An operator's wish that changes nothing on the disk: event `retried`.
  void retried(base::MessageId id, std::string_view to);

 private:
  static constexpr base::Duration told_anew_after = std::chrono::hours(1);
  static constexpr std::size_t hops_max = 10'000;
  static constexpr std::size_t steps_max = 64;

  struct Told {
    std::size_t hash = 0;
    base::Instant time;
  };

  engine::EventLog& log_;
  std::unordered_map<std::string, Told> told_;  ///< By next hop; forgotten when there are many.
};

}  // namespace delivery
