#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/task.h"
#include "delivery/letter.h"
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

/// Writes down what became of recipients: in the spool, in the event log, and to the originator.
class Ledger {
 public:
  /// `on_report` gets each report that has been accepted, to be delivered like any other message.
  Ledger(spool::Spool& spool, engine::EventLog& log, sys::Clock& clock, sys::Random& random,
         std::function<void(const spool::StoredMessage&)> on_report);

  void set_hostname(std::string hostname) { hostname_ = std::move(hostname); }

  /// Records the results of one attempt. False: the disk did not let us record the final failures,
  /// which then have not happened; these recipients are still owed. References must outlive it.
  [[nodiscard]] base::Task<bool> record(const Letter& letter, const std::vector<Result>& results,
                                        const Attempt& attempt, base::WallTime next_attempt);

  /// The event that a recipient waits for a next hop that cannot be reached.
  void announce_wait(base::MessageId id, const spool::Envelope& envelope, std::uint32_t recipient,
                     const Attempt& attempt, const std::string& reply, base::WallTime next_attempt);
  /// After a restart: an attempt that was cut off.
  void announce_unknown(base::MessageId id, const spool::Envelope& envelope,
                        std::uint32_t recipient, const std::string& via,
                        base::WallTime next_attempt);

  [[nodiscard]] const LedgerCounters& counters() const { return counters_; }

 private:
  [[nodiscard]] std::optional<spool::NewMessage> make_report(const Letter& letter,
                                                             const std::vector<Result>& results,
                                                             const Attempt& attempt,
                                                             const spool::Change& change);
  void log(const Letter& letter, const Result& result, const Attempt& attempt,
           base::WallTime next_attempt, const std::string& report);
  [[nodiscard]] engine::Event attempt_event(std::string_view name, base::MessageId id,
                                            const spool::Envelope& envelope,
                                            std::uint32_t recipient, const Attempt& attempt,
                                            const std::string& reply);

  spool::Spool& spool_;
  engine::EventLog& log_;
  sys::Clock& clock_;
  sys::Random& random_;
  std::function<void(const spool::StoredMessage&)> on_report_;
  std::string hostname_;
  LedgerCounters counters_;
};

/// `user@example.org` of a printed path, as logs and lists show it; `` for `<>`.
[[nodiscard]] std::string address_of_path(std::string_view printed);

}  // namespace delivery
