#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/task.h"
#include "delivery/letter.h"
#include "delivery/reports.h"
#include "dsn/outcome.h"
#include "engine/event_log.h"
#include "spool/spool.h"
#include "sys/clock.h"

namespace delivery {

/// Where an attempt went; empty strings for what there was not.
struct Attempt {
  std::string host;     ///< Name of the next hop.
  std::string address;  ///< `IP:port`.
  std::string tls;
  std::string via;  ///< The next hop's key.
  /// False: nothing was tried just now (time has run out, an operator has decided).
  bool made = true;
  bool by_operator = false;
  /// How often since the message's arrival the next hop could not be reached, and when last. These
  /// count as attempts when the originator is told.
  unsigned unreached = 0;
  std::optional<base::WallTime> unreached_last = {};
};

/// What an attempt came to for one recipient.
struct Result {
  std::uint32_t recipient = 0;
  dsn::Outcome outcome = dsn::Outcome::deferred;
  /// The final dot was sent and no reply came: it may have been taken (P4). Counts as deferred.
  bool unknown = false;
  std::string reply;   ///< In one line, escaped; our own words when there was none.
  std::string status;  ///< Enhanced, if it is not in the reply.
  /// The next hop has taken on the DSN parameters: it reports success itself [RFC3461 5.2.1].
  bool passed_on = false;
};

struct LedgerCounters {
  std::uint64_t delivered = 0, deferred = 0, bounced = 0, expired = 0, unknown = 0;
  std::uint64_t dropped = 0;  ///< By an operator.
  std::uint64_t reports = 0;  ///< Made here and accepted.
};

/// What a ledger writes into, and whom it tells. All outlive it.
struct LedgerWorld {
  spool::Spool& spool;
  engine::EventLog& log;
  sys::Clock& clock;
  sys::Random& random;
  /// Gets each report that has been accepted, to be delivered like any other message.
  std::function<void(const spool::StoredMessage&)> on_report;
  /// Runs what nobody waits for.
  std::function<void(base::Task<>)> spawn;
};

/// Writes down what became of recipients: in the spool, in the event log, and to the originator.
/// References that its tasks get must outlive them.
class Ledger {
 public:
  explicit Ledger(LedgerWorld world);

  void set_settings(std::shared_ptr<const Settings> settings) {
    reports_.set_settings(std::move(settings));
  }

  /// Records the results of one attempt. What was held meanwhile stays held. False: the disk did
  /// not let us record the final failures, which then have not happened; these recipients are still
  /// owed.
  [[nodiscard]] base::Task<bool> record(const Letter& letter, const std::vector<Result>& results,
                                        const Attempt& attempt, base::WallTime next_attempt);

  /// Tells the originator that these recipients have to wait. False: the disk did not take it, and
  /// it has not happened. `reply`: why they wait for a next hop that cannot be reached, or empty.
  [[nodiscard]] base::Task<bool> warn(const Letter& letter,
                                      const std::vector<std::uint32_t>& recipients,
                                      const Attempt& attempt, const std::string& reply,
                                      base::WallTime expires);

  /// Tells the originator that aliases were expanded.
  [[nodiscard]] base::Task<> report_expanded(Letter letter, std::vector<spool::Expanded> expanded);

  /// An operator's change: `name` is the event of each recipient, or empty. False: a crash may
  /// forget it.
  /// `by`: who asked for it, empty: an operator.
  [[nodiscard]] base::Task<bool> change(std::string_view name, const Letter& letter,
                                        spool::Change change, std::string by = {});

  /// The event that a recipient waits for a next hop that cannot be reached; `failed`: when that
  /// was found out, for all who wait.
  void announce_wait(base::MessageId id, const spool::Envelope& envelope, std::uint32_t recipient,
                     const Attempt& attempt, const std::string& reply, base::WallTime failed,
                     base::WallTime next_attempt);
  /// After a restart: an attempt that was cut off.
  void announce_unknown(base::MessageId id, const spool::Envelope& envelope,
                        std::uint32_t recipient, const std::string& via,
                        base::WallTime next_attempt);
  /// A damaged place that was found while the server runs (P9).
  void announce_damage(const spool::Damage& damage);

  [[nodiscard]] const LedgerCounters& counters() const { return counters_; }

 private:
  /// For recipients of one reporting_path(): one report tells of them.
  [[nodiscard]] base::Task<bool> record_group(const Letter& letter,
                                              const std::vector<Result>& results,
                                              const Attempt& attempt, base::WallTime next_attempt);
  [[nodiscard]] base::Task<bool> warn_group(const Letter& letter,
                                            const std::vector<std::uint32_t>& recipients,
                                            const Attempt& attempt, const std::string& reply,
                                            base::WallTime expires);
  [[nodiscard]] spool::Change change_of(const Letter& letter, const std::vector<Result>& results,
                                        const Attempt& attempt, base::WallTime next_attempt) const;
  [[nodiscard]] std::vector<Told> told_of(const Letter& letter, const std::vector<Result>& results,
                                          const Attempt& attempt,
                                          const spool::Change& change) const;
  [[nodiscard]] base::Task<> store_report(spool::NewMessage report, base::MessageId about);
  void report_accepted(const spool::StoredMessage& report, base::MessageId about);
  /// `report`: the id of the report that tells of it, or empty.
  void log(const Letter& letter, const Result& result, const Attempt& attempt,
           base::WallTime next_attempt, const std::string& report);
  [[nodiscard]] engine::Event attempt_event(std::string_view name, base::MessageId id,
                                            const spool::Envelope& envelope,
                                            std::uint32_t recipient, const Attempt& attempt,
                                            const std::string& reply);

  LedgerWorld world_;
  Reports reports_;
  LedgerCounters counters_;
};

/// `user@example.org` of a printed path, as logs and lists name a recipient; `` for `<>`.
[[nodiscard]] std::string address_of_path(std::string_view printed);

}  // namespace delivery
