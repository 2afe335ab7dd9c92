#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/group.h"
#include "spool/committer.h"
#include "spool/journal.h"
#include "spool/recovery.h"
#include "spool/signal.h"
#include "spool/spool.h"
#include "spool/store.h"

// The home loop's side of the spool: spool.cc (accept, outcomes), opening.cc (recovery),
// housekeeping.cc (lazy records, freeing and copying forward, stopping).
namespace spool {

/// What the home loop keeps of one segment.
struct SegmentUse {
  std::uint64_t live =
      0;  ///< Messages whose envelope lies here, also done ones until that is durable.
  std::uint64_t live_octets = 0;     ///< What they occupy.
  bool damaged = false;              ///< Must not be deleted.
  std::vector<base::MessageId> ids;  ///< Who came here, the dead ones, too.
};

struct Spool::Parts {
  Parts(const SpoolWorld& its_world, const SpoolOptions& its_options);

  // spool.cc

  [[nodiscard]] base::Task<Stored<>> submit(Submission& submission);
  /// As submit(), but on a full disk it does not take lazy records along, which wait for others.
  [[nodiscard]] base::Task<Stored<>> submit_alone(Submission& submission);
  /// Appends the records of a new message.
  struct Prepared {
    AcceptedSummary summary;
    std::shared_ptr<ContentBody> content;
    StoredMessage stored;
  };
  [[nodiscard]] Stored<Prepared> prepare(NewMessage message, Submission& submission);
  /// It is on stable storage: from now on it is live.
  void admit(const Prepared& prepared, const Submission& submission);
  /// It is not.
  void refuse(const Prepared& prepared, const StoreError& error);

  /// Gives the items their version; none when there is no such message.
  [[nodiscard]] std::optional<std::vector<StatusItem>> begin_change(const Change& change);
  /// Applies a change in memory and hands it to the log lazily; returns what the journal must say.
  [[nodiscard]] JournalRecord apply(base::MessageId id, std::vector<StatusItem> items);
  [[nodiscard]] Record state_record(base::MessageId id, const std::vector<StatusItem>& items);
  /// Takes a message out of the table, which is done, whose `done` is not durable yet.
  void retire(base::MessageId id);
  /// Its `done` is durable.
  void bury(base::MessageId id);
  void close_attempts(base::MessageId id, const std::vector<StatusItem>& items);
  [[nodiscard]] base::Task<base::Io<>> journal_append(JournalRecord record);
  [[nodiscard]] std::vector<JournalRecord> journal_snapshot() const;

  [[nodiscard]] base::Task<base::Io<>> attempt_begun(base::MessageId id,
                                                     std::vector<std::uint32_t> recipients);
  [[nodiscard]] base::Task<base::Io<>> outcome(Change change);
  [[nodiscard]] base::Task<Stored<std::optional<StoredMessage>>> commit(
      std::vector<Change> changes, std::optional<NewMessage> report);
  [[nodiscard]] base::Task<Stored<>> make_durable(std::vector<base::MessageId> ids);
  void change_committed(const Submission& submission, std::size_t records,
                        const std::vector<std::vector<StatusItem>>& items);

  void quarantine(const DamageBody& damage);

  // opening.cc

  [[nodiscard]] base::Task<base::Io<Recovered>> open(RecoverySink& sink);
  void take_over(Recovery& recovery);
  void opening_finished();

  // housekeeping.cc

  void add_lazy(Record record);
  void flush_lazy();
  /// The disk is full.
  [[nodiscard]] bool is_scarce() const {
    return committer.gauges().scarce.load(std::memory_order_relaxed);
  }
  /// On a full disk: whether what has gathered is worth a frame.
  [[nodiscard]] bool lazy_is_due() const;
  void lazy_finished(Submission& batch);
  void requeue(Submission& batch);
  void logged(Record& record);
  [[nodiscard]] base::Task<> run();
  [[nodiscard]] base::Task<> flush_task();
  [[nodiscard]] base::Task<> clean_task();
  [[nodiscard]] base::Task<base::Io<>> nap(base::Duration duration, base::Operation*& napping);
  void mark();
  [[nodiscard]] base::Task<> stop();
  [[nodiscard]] base::Task<> remove_orphans();

  // cleaner.cc

  /// One step towards freeing the oldest segment; false when there is nothing to do.
  [[nodiscard]] base::Task<base::Io<bool>> clean();
  /// On a full disk: goes on in a new segment, so that this one can be freed.
  [[nodiscard]] base::Task<base::Io<>> roll();
  [[nodiscard]] bool is_worth_rolling() const;
  [[nodiscard]] bool should_copy(std::uint32_t epoch) const;
  /// How many it copied.
  [[nodiscard]] base::Task<base::Io<std::size_t>> copy_forward(std::uint32_t epoch);
  [[nodiscard]] base::Io<std::unique_ptr<Submission>> copy_of(base::MessageId id);
  [[nodiscard]] base::Task<base::Io<>> carry_notes(std::uint32_t epoch);
  [[nodiscard]] base::Task<base::Io<>> free_oldest();
  void copied(const Submission& copy, const Location& from);

  SegmentUse& use(std::uint32_t epoch);
  void release(std::uint32_t epoch, std::uint64_t octets);

  SpoolWorld world;
  SpoolOptions options;
  ContentBudget budget;
  Store store;
  ContentFolder contents;
  Committer committer;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<sys::File> lock;
  base::MessageId last_id;
  std::uint32_t id_salt = 0;

  std::map<std::uint32_t, SegmentUse> segments;
  std::uint32_t oldest_epoch = 1;
  /// Of what has come home: everything that lies in older segments has, too.
  std::uint32_t newest_epoch = 0;
  std::uint64_t live_octets = 0;  ///< In all segments.
  std::uint64_t rolled_at = 0;    ///< LogGauges::frame_octets at the last roll().
  std::map<std::string, KnownHop, std::less<>> hops;
  std::vector<KnownDamage> damage_notes;
  std::vector<Damage> damage;
  std::vector<std::uint64_t> orphans;
  std::vector<std::uint32_t> gone_segments;  ///< Files that came back.

  std::unique_ptr<Submission> opening;
  std::vector<Location> opening_places;  ///< Where its records lay before.
  std::unique_ptr<Submission> lazy;      ///< Gathers; not submitted yet.
  base::Instant lazy_since{};            ///< Its first record.
  std::size_t lazy_in_flight = 0;        ///< Batches.
  bool lazy_failing = false;

  struct Finishing {
    std::uint32_t epoch;
    std::uint64_t octets;
    std::uint64_t content_file;
  };
  std::unordered_map<base::MessageId, Finishing> finishing;
  struct OpenAttempt {
    std::uint32_t version;
    std::vector<std::uint32_t> recipients;
  };
  std::unordered_map<base::MessageId, std::vector<OpenAttempt>> attempts;

  std::unordered_multiset<base::MessageId> committing;  ///< By commit(), not applied yet.
  std::uint64_t submissions = 0;

  Signal flush_signal;
  Signal clean_signal;
  Signal stop_signal;
  base::Operation* flush_nap = nullptr;
  base::Operation* clean_nap = nullptr;
  bool running = false;
  bool stopping = false;
  SpoolStatistics counters;
};

}  // namespace spool
