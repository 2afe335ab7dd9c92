#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/id.h"
#include "base/time.h"

// What is due, how much may run, what to try next. Pure: time comes in, nothing is waited for.
//
// One entry for each message and next hop; addresses and replies stay on disk. What goes wrong
// before a mail transaction (DNS, connecting, TLS, the greeting) belongs to the next hop and not to
// the entries that wait for it: one probe at a time, backing off by the schedule, whatever the
// number of entries.
namespace queue {

struct Options {
  /// The waiting times after the first, second … failure; the last one repeats.
  std::vector<base::Duration> retry;
  base::Duration expire{};                             ///< From arrival.
  std::size_t connections = 20;                        ///< At once, to one next hop.
  base::Duration warn_after = base::Duration::zero();  ///< From arrival; 0: never.
};

class NextHop;

/// The recipients of one message that go to one next hop. At most 256 octets, and 4 for each
/// further recipient.
struct Entry {
  base::MessageId id;
  NextHop* hop = nullptr;
  base::Instant due;  ///< When to try; in the past: as soon as the next hop allows.
  base::Instant expires;
  bool announced = false;      ///< That it waits for an unreachable next hop has been logged.
  std::uint32_t attempts = 0;  ///< Mail transactions tried; the back-off of this entry alone.
  std::vector<std::uint32_t> recipients;  ///< Indexes into the envelope, ascending.
};

/// A failed try to reach a next hop.
struct HopFailure {
  base::WallTime time;
  std::string reply;  ///< Escaped: the greeting's reply, or our own words.
};

/// One next hop and who waits for it.
class NextHop {
 public:
  NextHop(std::string key, std::uint64_t serial) : key_(std::move(key)), serial_(serial) {}

  [[nodiscard]] const std::string& key() const { return key_; }
  /// Failures since the next hop was last reached; at most failures_max, the newest ones.
  [[nodiscard]] const std::vector<HopFailure>& failures() const { return failures_; }
  [[nodiscard]] base::Instant next_probe() const { return next_probe_; }
  [[nodiscard]] bool backing_off() const { return !failures_.empty(); }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] std::size_t workers() const { return workers_; }
  /// The workers with an open connection and nothing to do.
  [[nodiscard]] std::size_t idle() const { return idle_; }

  static constexpr std::size_t failures_max = 256;

 private:
  friend class Queue;
  struct Order {
    bool operator()(const std::unique_ptr<Entry>& a, const std::unique_ptr<Entry>& b) const {
      return std::pair(a->due, a->id) < std::pair(b->due, b->id);
    }
  };

  std::string key_;
  std::uint64_t serial_;  ///< Orders hops of one time the same in every run.
  std::multiset<std::unique_ptr<Entry>, Order> waiting_;
  std::vector<HopFailure> failures_;
  base::Instant next_probe_{};                         ///< Only while backing off.
  base::Instant first_expiry_ = base::Instant::max();  ///< No entry expires earlier.
  std::size_t workers_max_ = 0;
  std::size_t workers_ = 0;
  std::size_t idle_ = 0;
  std::size_t in_flight_ = 0;
  std::optional<base::Instant> wake_;  ///< Its place in the queue's agenda.
};

/// A worker's duty: to open a connection to `hop`, to deliver `entry`, and then to take() more.
struct Work {
  NextHop* hop = nullptr;
  std::unique_ptr<Entry> entry;
};

class Queue {
 public:
  explicit Queue(Options options);
  ~Queue();

  /// The next hop of that name; made when it is not there, gone when nothing refers to it any more.
  /// `workers_max`: at once; 0: Options::connections.
  [[nodiscard]] NextHop& hop(std::string_view key, std::size_t workers_max = 0);
  [[nodiscard]] const NextHop* find_hop(std::string_view key) const;

  /// Files an entry with its next hop. Returns whether an idle worker of it should take() now.
  bool add(std::unique_ptr<Entry> entry, NextHop& hop, base::Instant now);

  /// The next worker to start, if any is due and allowed. The worker counts from now on; it ends
  /// with worker_ended().
  [[nodiscard]] std::optional<Work> next_worker(base::Instant now);
  /// An entry whose time has run out, whatever the state of its next hop.
  [[nodiscard]] std::unique_ptr<Entry> next_expired(base::Instant now);
  /// When to ask again, if nothing happens before.
  [[nodiscard]] base::Instant next_wake() const;

  /// The next due entry for a worker that has an open connection. Nothing while the hop backs off.
  [[nodiscard]] std::unique_ptr<Entry> take(NextHop& hop, base::Instant now);
  void worker_idle(NextHop& hop, bool idle);
  void worker_ended(NextHop& hop, base::Instant now);

  /// The entry's time with a worker is over: no recipient of it is left, or it goes back with its
  /// new due time by add().
  void finished(std::unique_ptr<Entry> entry, base::Instant now);

  /// The next hop took a connection and greeted.
  void reached(NextHop& hop, base::Instant now);
  /// It could not be reached. Failures while the back-off already runs do not count.
  void failed(NextHop& hop, HopFailure failure, base::Instant now, std::uint64_t random);
  /// What was known before a restart; to be called before entries are added, and followed by
  /// forget_unused() when all are.
  void restore(NextHop& hop, std::vector<HopFailure> failures, base::Instant next_probe);

  void forget_unused();

  /// How long to wait after the `attempts`-th failure, ±10 %.
  [[nodiscard]] base::Duration retry_delay(std::uint32_t attempts, std::uint64_t random) const;

  /// Makes the recipients that `wanted` gives of an entry due now, and ends the back-off of their
  /// next hops. Returns how many recipients.
  using Chosen = std::vector<std::uint32_t>;
  std::size_t retry(const std::function<Chosen(const Entry&)>& wanted, base::Instant now);

  /// Calls `visitor` for what waits for one next hop.
  void visit(const NextHop& hop, const std::function<void(Entry&)>& visitor);
  [[nodiscard]] std::size_t entries() const { return entries_; }

  [[nodiscard]] const Options& options() const { return options_; }

 private:
  void reschedule(NextHop& hop, base::Instant now);
  void forget_if_unused(NextHop& hop);

  Options options_;
  std::unordered_map<std::string, std::unique_ptr<NextHop>> hops_;
  std::map<std::pair<base::Instant, std::uint64_t>, NextHop*> agenda_;
  std::size_t entries_ = 0;
  std::uint64_t hops_made_ = 0;
};

}  // namespace queue
