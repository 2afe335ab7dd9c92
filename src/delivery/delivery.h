#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/group.h"
#include "delivery/action.h"
#include "delivery/hop_record.h"
#include "delivery/ledger.h"
#include "delivery/letter.h"
#include "delivery/settings.h"
#include "delivery/trace_notes.h"
#include "engine/resolver.h"
#include "engine/signal.h"
#include "engine/timers.h"
#include "queue/queue.h"
#include "spool/spool.h"
#include "sys/net.h"
#include "sys/programs.h"

namespace sys {
class Disk;
class Workers;
}  // namespace sys

namespace delivery {

/// What deliveries meet the world through; all outlive the Delivery.
struct DeliveryWorld {
  sys::Loop& loop;
  sys::Clock& clock;
  sys::Random& random;
  sys::Net& net;
  sys::Programs& programs;
  sys::Loop& mailbox_loop;  ///< Where mailboxes are written: its disk may block.
  sys::Disk& mailbox_disk;
  engine::Timers& timers;
  engine::Resolver& resolver;
  engine::EventLog& log;
  spool::Spool& spool;
  sys::Disk& disk;        ///< For small files.
  sys::Workers& workers;  ///< For calculations that take long.
};

class Routing;
class Tokens;
struct ClientWorld;

/// Takes every message from its acceptance to the end of our responsibility. One worker for each
/// connection; which messages are due when is the queue's business.
class Delivery final : public spool::RecoverySink {
 public:
  Delivery(const DeliveryWorld& world, queue::Options options,
           std::shared_ptr<const Settings> settings);
  ~Delivery() override;

  /// What recovery finds: to be called before run().
  void message(const spool::RecoveredMessage& message) override;
  void hop(std::string_view key, std::string_view blob) override;

  /// A message has been accepted: it is due now. `expanded`: aliases behind which its recipients
  /// stand, whose originator wants to hear that they were expanded.
  void accepted(const spool::StoredMessage& message,
                const std::vector<spool::Expanded>& expanded = {});

  /// Starts workers until stop(), and ends with the last of them.
  [[nodiscard]] base::Task<> run();
  /// Nothing more is begun. What is in flight is finished, or cut off after `stop_grace`.
  void stop();
  /// Cuts off everything at once: the world has ended.
  void abort();
  static constexpr base::Duration stop_grace = std::chrono::seconds(30);

  /// Makes what waits due now, whatever the back-off, without a look at the disk; returns how many
  /// recipients. `wanted` gives those of a message, ascending; nullopt: all. No next hop backs off
  /// any more.
  using Chosen = std::function<std::optional<std::vector<std::uint32_t>>(base::MessageId)>;
  std::size_t retry(const Chosen& wanted);

  /// Acts on recipients, whether run() runs or not (then after recovery, and while the spool's
  /// tasks run). What is final or unknown is passed over. Returns on how many it acted; what it did
  /// is durable then, but for `retry` while run() runs. What is being attempted is acted upon when
  /// its attempt has ended, unless it was delivered; until then it is held on disk. `via` is for
  /// reroute, and must pass route::parse_via; of release it says who asked, empty: an operator. One
  /// call for many messages costs one look through the queue.
  [[nodiscard]] base::Task<std::size_t> act(QueueAction action, std::vector<Choice> chosen,
                                            std::string via = {});
  [[nodiscard]] base::Task<std::size_t> act(QueueAction action, base::MessageId id,
                                            std::vector<std::uint32_t> recipients,
                                            std::string via = {});

  /// Releases what waits for ETRN [RFC1985] and is wanted, in the background; `by`: who asked.
  struct Released {
    bool started = false;                      ///< False: others are being released.
    std::optional<std::size_t> messages = {};  ///< Nullopt: too many to count them at once.
  };
  using Wanted = std::function<bool(const route::Decision& decision)>;
  [[nodiscard]] base::Task<Released> release_waiting(Wanted wanted, std::string by);

  /// From now on these settings and Settings::queue are in force, for what is queued, too.
  void reload(std::shared_ptr<const Settings> settings);

  /// Good until the caller's attempt or turn of the loop ends; whoever waits longer keeps the
  /// pointer.
  [[nodiscard]] const Settings& settings() const { return *settings_; }
  [[nodiscard]] std::shared_ptr<const Settings> current_settings() const { return settings_; }
  [[nodiscard]] const queue::NextHop* find_hop(std::string_view key) const;
  [[nodiscard]] const LedgerCounters& counters() const { return ledger_.counters(); }
  [[nodiscard]] base::WallTime wall_time(base::Instant instant) const;
  /// Until when the rate of messages of its next hop holds up a recipient that is due; nullopt: it
  /// does not.
  [[nodiscard]] std::optional<base::WallTime> rate_holds(
      const queue::NextHop& hop, const spool::RecipientStatus& status) const;

 private:
  friend class SmtpWorker;
  friend class LocalWorker;
  class Wake;
  class Grace;
  class IdleWorker;

  [[nodiscard]] base::Instant now() const { return world_.loop.now(); }
  [[nodiscard]] base::Instant instant(base::WallTime time) const;
  [[nodiscard]] const queue::Options& options() const { return queue_.options(); }

  // Filing: which recipients wait for which next hop, until when.
  struct Filing {
    const std::vector<std::uint32_t>* only = nullptr;  ///< nullptr: all recipients.
    std::optional<base::Instant> due = {};             ///< Nullopt: as their statuses say.
    /// The next hop until now, of which the trace knows; any other is noted there. Empty: noted in
    /// any case. Nullopt: as their statuses say, if they do.
    std::optional<std::string_view> from = {};
  };
  /// Files the recipients of a message that are owed and not held under their next hops. True: one
  /// of them is soon attempted.
  bool file(base::MessageId id, const spool::Envelope& envelope,
            const std::vector<spool::RecipientStatus>& statuses, const Filing& filing);
  /// The decision, which is noted if it is another than before.
  [[nodiscard]] std::optional<route::Decision> decide(const Routing& routing, base::MessageId id,
                                                      const spool::Envelope& envelope,
                                                      std::uint32_t recipient,
                                                      const spool::RecipientStatus& status,
                                                      const Filing& filing);
  [[nodiscard]] base::Instant warn_time(const spool::Envelope& envelope, std::uint32_t recipient,
                                        const spool::RecipientStatus& status,
                                        base::Instant arrived) const;
  void add(std::unique_ptr<queue::Entry> entry, const route::Decision& decision);
  void add(std::unique_ptr<queue::Entry> entry, queue::NextHop& hop);
  /// An entry comes back from somebody's hands: to its next hop, or to where it belongs by now.
  void give_back(std::unique_ptr<queue::Entry> entry);
  void refile(std::unique_ptr<queue::Entry> entry);
  [[nodiscard]] base::Task<> refile_outdated();
  void forget_fresh(base::MessageId id);
  void announce_damage();

  // The dispatcher.
  /// Sees to it that the dispatcher runs when something is due.
  void rouse();
  [[nodiscard]] base::Instant next_wake() const;
  [[nodiscard]] base::Task<> work(queue::Work work);
  void forget_retired();

  // What is overdue, whatever the state of its next hop.
  [[nodiscard]] base::Task<> overdue(std::unique_ptr<queue::Entry> entry);
  [[nodiscard]] base::Task<> expire(std::unique_ptr<queue::Entry> entry);
  [[nodiscard]] base::Task<> warn(std::unique_ptr<queue::Entry> entry);
  [[nodiscard]] Attempt no_attempt(const queue::NextHop& hop,
                                   const spool::Envelope& envelope) const;

  // Operators.
  using Taken = std::vector<std::unique_ptr<queue::Entry>>;
  class Turn;
  struct Effect;
  [[nodiscard]] std::unordered_map<base::MessageId, Taken> take_out(std::span<const Choice> chosen);
  [[nodiscard]] Effect effect_of(QueueAction action, const Choice& choice, const Letter& letter,
                                 const Taken& taken, const std::string& via);
  [[nodiscard]] base::Task<std::size_t> act_on(QueueAction action, const Choice& choice,
                                               Taken taken, const std::string& via);
  [[nodiscard]] base::Task<bool> bounce(const Letter& letter,
                                        std::vector<std::uint32_t> recipients);
  void hurry(const Letter& letter, const std::vector<std::uint32_t>& recipients);
  [[nodiscard]] base::Task<> end_acted(QueueAction action, base::MessageId id,
                                       std::vector<std::uint32_t> recipients);
  /// What operators have done to recipients in flight since their attempt began.
  using Acted = std::map<std::uint32_t, QueueAction>;
  [[nodiscard]] Acted take_acted(base::MessageId id, const std::vector<std::uint32_t>& recipients);
  void settle_acted(std::unique_ptr<queue::Entry> entry, const Acted& acted);

  [[nodiscard]] base::Task<std::vector<Choice>> find_waiting(std::vector<base::MessageId> ids,
                                                             Wanted wanted);
  [[nodiscard]] base::Task<> release(std::vector<Choice> chosen, std::vector<base::MessageId> rest,
                                     Wanted wanted, std::string by);

  // For the workers.
  /// The message of an entry; what goes elsewhere by now has been filed there. Nullopt: nothing of
  /// the entry is left for this hop, and it has been dealt with.
  [[nodiscard]] std::optional<Letter> open(std::unique_ptr<queue::Entry>& entry,
                                           route::Decision& decision);
  /// The message; nullopt: it is not to be had, and the entry has been dealt with.
  [[nodiscard]] std::optional<Letter> load(std::unique_ptr<queue::Entry>& entry);
  /// Records the results for all recipients of the entry, and ends the entry or defers it.
  [[nodiscard]] base::Task<> close(std::unique_ptr<queue::Entry> entry, const Letter& letter,
                                   std::vector<Result> results, const Attempt& attempt);
  /// The next hop could not be reached: the entry waits for it with all others.
  void hop_failed(std::unique_ptr<queue::Entry> entry, const Attempt& attempt,
                  const std::string& reply);
  [[nodiscard]] base::Task<> announce(
      std::string hop, Attempt attempt, queue::HopFailure failure,
      std::vector<std::pair<base::MessageId, std::vector<std::uint32_t>>> waiting);
  void hop_reached(queue::NextHop& hop);
  void hop_answered(queue::NextHop& hop, queue::Queue::Answer answer);
  [[nodiscard]] ClientWorld client_world();
  /// The next due entry of the hop, unless we are stopping.
  [[nodiscard]] std::unique_ptr<queue::Entry> take(queue::NextHop& hop);
  /// Waits for another entry for an open connection. Null: time to close it.
  [[nodiscard]] base::Task<std::unique_ptr<queue::Entry>> next_entry(queue::NextHop& hop);

  DeliveryWorld world_;
  std::shared_ptr<const Settings> settings_;
  /// Old settings, and the reload that replaced them: a worker that began before may refer to them.
  std::deque<std::pair<std::uint64_t, std::shared_ptr<const Settings>>> retired_;
  std::map<std::uint64_t, std::size_t> workers_since_;  ///< How many, by reloads before they began.
  std::uint64_t reloads_ = 0;
  queue::Queue queue_;
  Ledger ledger_;
  TraceNotes notes_;
  std::unique_ptr<Tokens> tokens_;
  engine::Signal signal_;
  std::unique_ptr<Wake> wake_;
  std::unique_ptr<Grace> grace_;
  bool running_ = false;
  bool stopping_ = false;
  std::size_t overdue_ = 0;  ///< Entries in the hands of overdue().
  std::size_t damage_seen_ = 0;
  /// Accepted, and not attempted yet: no read is needed for them.
  std::unordered_map<base::MessageId, spool::StoredMessage> fresh_;
  std::size_t fresh_octets_ = 0;
  std::unordered_map<const queue::NextHop*, std::vector<IdleWorker*>> idle_;
  std::unordered_map<base::MessageId, Acted> acted_;
  bool acting_ = false;
  std::size_t releasing_ = 0;          ///< Requests of ETRN.
  std::deque<engine::Signal*> turns_;  ///< Who acts next.
  base::Group workers_;
};

}  // namespace delivery
