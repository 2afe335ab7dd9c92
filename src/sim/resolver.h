#pragma once

#include <map>

#include "dns/zone.h"
#include "sim/scheduler.h"
#include "sys/resolver.h"

namespace sim {

/// In flight at most, for each machine.
inline constexpr std::size_t lookups_max = 1'000;
/// How long a question takes that nobody answers.
inline constexpr base::Duration lookup_time_out = std::chrono::seconds(10);

/// Answers out of a zone that all machines share; its faults are those of dns::Zone. Completes on
/// the loop that asked.
class SimResolver final : public sys::Resolver {
 public:
  SimResolver(Scheduler& scheduler, const dns::Zone& zone);
  SimResolver(const SimResolver&) = delete;
  SimResolver& operator=(const SimResolver&) = delete;
  ~SimResolver() override;

  [[nodiscard]] sys::Now<dns::Answer> resolve(const dns::Question& question,
                                              sys::Completion<dns::Answer>& done) override;

  /// So many of a thousand questions end in SERVFAIL.
  void fail(unsigned per_mille) { failures_ = per_mille; }
  /// Of every question, unless its name has one of its own.
  void set_latency_max(base::Duration latency) { latency_max_ = latency; }
  void set_latency(const dns::Name& name, base::Duration latency) { latencies_[name] = latency; }

  /// From now on every question fails with IoErrorCode::cancelled, those under way, too.
  void halt();
  void start() { halted_ = false; }

 private:
  struct Lookup {
    SimLoop& loop;
    sys::Completion<dns::Answer>& done;
    EventId event;
  };
  [[nodiscard]] base::Io<dns::Answer> answer(const dns::Question& question);
  [[nodiscard]] base::Duration pick_latency(const dns::Question& question, bool timed_out);
  void finish(std::uint64_t number, base::Io<dns::Answer> result);
  void cancel(const base::Operation& operation);

  Scheduler& scheduler_;
  const dns::Zone& zone_;
  Rng rng_;
  unsigned failures_ = 0;
  base::Duration latency_max_ = std::chrono::milliseconds(20);
  std::map<dns::Name, base::Duration> latencies_;
  bool halted_ = false;
  std::uint64_t next_number_ = 0;
  std::map<std::uint64_t, Lookup> lookups_;
};

}  // namespace sim
