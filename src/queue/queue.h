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
#include "base/rate.h"
#include "base/recent.h"
#include "base/time.h"
#include "queue/concurrency.h"
#include "queue/deadlines.h"
#include "queue/entry.h"

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
  base::Rate messages{};                               ///< To one next hop that is `limited`.
};

/// What bounds the work of one next hop, by what kind of next hop it is.
struct HopLimits {
  std::size_t workers = 0;  ///< At once; 0: at most Options::connections, by how it answers.
  bool limited = false;     ///< Options::messages is for it.
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
  /// The workers with an open connection.
  [[nodiscard]] std::size_t connected() const { return connected_; }

  static constexpr std::size_t failures_max = 256;

 private:
  friend class Queue;
  using Key = std::pair<base::Instant, base::MessageId>;
  struct Order {
    using is_transparent = void;
    static Key key(const std::unique_ptr<Entry>& entry) { return {entry->due, entry->id}; }
    static const Key& key(const Key& key) { return key; }
    bool operator()(const auto& a, const auto& b) const { return key(a) < key(b); }
  };

  std::string key_;
  std::uint64_t serial_;  ///< Orders hops of one time the same in every run.
  std::multiset<std::unique_ptr<Entry>, Order> waiting_;
  std::vector<HopFailure> failures_;
  base::Instant next_probe_{};  ///< Only while backing off.
  bool hurried_ = false;  ///< Whatever the attempts of these workers come to, there is one more.
  HopLimits limits_;
  Concurrency concurrency_;  ///< Without a limit of workers.
  base::Bucket bucket_;
  std::size_t workers_ = 0;
  std::size_t connected_ = 0;
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
  [[nodiscard]] NextHop& hop(std::string_view key, const HopLimits& limits = {});
  [[nodiscard]] const NextHop* find_hop(std::string_view key) const;
  [[nodiscard]] NextHop* find_hop(std::string_view key);

  /// Files an entry with its next hop. Returns whether an idle worker of it should take() now.
  bool add(std::unique_ptr<Entry> entry, NextHop& hop, base::Instant now);

  /// The next worker to start, if any is due and allowed. The worker counts from now on; it ends
  /// with worker_ended().
  [[nodiscard]] std::optional<Work> next_worker(base::Instant now);
  /// An entry that has expired, or whose delay is to be told, whatever the state of its next hop.
  /// It goes back by add(), or is finished().
  [[nodiscard]] std::unique_ptr<Entry> next_overdue(base::Instant now);
  /// When to ask again for a worker, and for something overdue, if nothing happens before.
  [[nodiscard]] base::Instant next_due() const;
  [[nodiscard]] base::Instant next_deadline() const;

  /// The next due entry for a worker that has an open connection. Nothing while the hop backs off.
  [[nodiscard]] std::unique_ptr<Entry> take(NextHop& hop, base::Instant now);
  void worker_idle(NextHop& hop, bool idle);
  void worker_connected(NextHop& hop, bool connected);
  /// One of its workers should end, whatever waits.
  [[nodiscard]] bool is_crowded(const NextHop& hop, base::Instant now) const;
  /// Nothing new is begun for the hop before, whatever waits: it paused us, or its rate does.
  [[nodiscard]] base::Instant may_start(NextHop& hop, base::Instant now) const;
  /// When its rate lets the next message go; `now`: at once.
  [[nodiscard]] base::Instant rate_allows(const NextHop& hop, base::Instant now) const;
  void worker_ended(NextHop& hop, base::Instant now);

  /// The entry's time with a worker is over: no recipient of it is left, or it goes back with its
  /// new due time by add().
  void finished(std::unique_ptr<Entry> entry, base::Instant now);

  /// The next hop took a connection and greeted.
  void reached(NextHop& hop, base::Instant now);
  /// It could not be reached. Failures while the back-off already runs do not count.
  void failed(NextHop& hop, HopFailure failure, base::Instant now, std::uint64_t random);
  /// What a mail transaction with it came to.
  enum class Answer : std::uint8_t {
    good,     ///< It took a recipient, or refused it for good.
    refused,  ///< For now, all of them; or the connection was lost.
    closing,  ///< 421.
  };
  void answered(NextHop& hop, Answer answer, base::Instant now);
  /// It takes no more connections than those that other workers have open.
  void full(NextHop& hop, base::Instant now);
  /// What was known before a restart; to be called before entries are added, and followed by
  /// forget_unused() when all are.
  void restore(NextHop& hop, std::vector<HopFailure> failures, base::Instant next_probe);

  void forget_unused();
  /// Told the name of each next hop that is forgotten while it could not be reached: nothing waits
  /// for it any more.
  void set_on_forgotten(std::function<void(const std::string& key)> told) {
    on_forgotten_ = std::move(told);
  }

  /// How long to wait after the `attempts`-th failure, ±10 %.
  [[nodiscard]] base::Duration retry_delay(std::uint32_t attempts, std::uint64_t random) const;

  /// Takes the recipients that `wanted` gives (ascending) of each entry out of what waits. What is
  /// returned is in the caller's hands as a worker's entry is: it goes back by add(), or is
  /// finished().
  using Chosen = std::vector<std::uint32_t>;
  [[nodiscard]] std::vector<std::unique_ptr<Entry>> extract(
      const std::function<Chosen(const Entry&)>& wanted, base::Instant now);

  /// The messages of which something is parked, ascending.
  [[nodiscard]] std::vector<base::MessageId> parked() const;

  /// Ends the back-off of a next hop. While a worker is there it counts for what comes next, too:
  /// its attempt may have begun too early.
  void hurry(NextHop& hop, base::Instant now);

  /// From now on these are in force. What waits is outdated until it has been filed anew: see
  /// is_outdated() and extract_outdated().
  void set_options(Options options, base::Instant now);
  [[nodiscard]] bool is_outdated(const Entry& entry) const {
    return entry.generation != generation_;
  }
  [[nodiscard]] std::uint32_t generation() const { return generation_; }
  /// Some entries of a next hop that were filed under older options, behind `from`, which is moved
  /// on; none: that was all. As extract().
  using Place = std::pair<base::Instant, base::MessageId>;
  [[nodiscard]] std::vector<std::unique_ptr<Entry>> extract_outdated(NextHop& hop, Place& from,
                                                                     std::size_t most,
                                                                     base::Instant now);

  /// The names of all next hops, in the order in which they were made.
  [[nodiscard]] std::vector<std::string> hop_keys() const;
  /// Calls `visitor` for what waits for one next hop. It must not change times.
  void visit(const NextHop& hop, const std::function<void(Entry&)>& visitor);
  [[nodiscard]] std::size_t entries() const { return entries_; }

  [[nodiscard]] const Options& options() const { return options_; }

 private:
  using Waiting = decltype(NextHop::waiting_);
  /// Takes an entry out of what waits: it is in somebody's hands.
  [[nodiscard]] std::unique_ptr<Entry> remove(NextHop& hop, Waiting::iterator at);
  void reschedule(NextHop& hop, base::Instant now);
  void forget_if_unused(NextHop& hop, base::Instant now);
  [[nodiscard]] std::size_t workers_max(const NextHop& hop, base::Instant now) const;
  void spend(NextHop& hop, base::Instant now);

  Options options_;
  std::unordered_map<std::string, std::unique_ptr<NextHop>> hops_;
  /// Of next hops that nothing waits for any more.
  struct Known {
    Concurrency concurrency;
    base::Bucket bucket;
  };
  static constexpr std::size_t known_max = 10'000;
  base::Recent<Known> known_{known_max};
  std::map<std::pair<base::Instant, std::uint64_t>, NextHop*> agenda_;
  Deadlines deadlines_;
  std::uint32_t generation_ = 0;
  std::function<void(const std::string& key)> on_forgotten_;
  std::size_t entries_ = 0;
  std::uint64_t hops_made_ = 0;
};

}  // namespace queue
