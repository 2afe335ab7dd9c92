#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "spool/content.h"
#include "spool/types.h"
#include "sys/clock.h"
#include "sys/disk.h"
#include "sys/loop.h"

// The durable store of envelopes, contents and outcomes. What is durable when stands in log.h; the
// octets on disk in docs/formats/spool.md.
namespace spool {

struct SpoolOptions {
  std::string directory;                     ///< Made when missing.
  std::uint32_t segment_octets = 64u << 20;  ///< At least 256 KiB, at most 2 GiB.
  std::uint32_t allocate_octets = 4u << 20;  ///< A segment takes room on the disk in such steps.
  std::size_t content_memory_each = 1u << 20;
  std::size_t content_memory_max = 256u << 20;
  std::uint32_t journal_octets = 2u << 20;                       ///< Twice: there is a spare.
  base::Duration outcome_delay = std::chrono::milliseconds(50);  ///< Until a lazy record is synced.
  bool synchronous = true;  ///< False (`durability = "memory"`): never syncs.
};

struct SpoolWorld {
  sys::Loop& home;         ///< Whose thread uses the Spool.
  sys::Disk& home_disk;    ///< Completes on `home`.
  sys::Loop& commit;       ///< Runs run_commits() alone: its disk may block.
  sys::Disk& commit_disk;  ///< The same disk, completing on `commit`.
  sys::Clock& clock;
  sys::Random& random;
};

struct NewMessage {
  base::MessageId id;
  Envelope envelope;
  std::string prefix;  ///< Header fields of ours, put on top of the content.
  Content content;
};

/// Used on its home loop's thread only, but for run_commits().
class Spool {
 public:
  Spool(const SpoolWorld& world, const SpoolOptions& options);
  ~Spool();  ///< After stop(), or with nothing pending: both run tasks must have ended.
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// Locks the folder and recovers. IoErrorCode::busy: another server holds it. Before run tasks.
  /// `sink` must outlive the co_await.
  [[nodiscard]] base::Task<base::Io<Recovered>> open(RecoverySink& sink);

  /// Both must run from open() until stop() has ended them, each on its loop. They end by stop()
  /// only, and must not be cancelled before.
  [[nodiscard]] base::Task<> run();
  [[nodiscard]] base::Task<> run_commits();
  /// Finishes what was submitted, then ends both run tasks. Nothing may be called afterwards.
  [[nodiscard]] base::Task<> stop();

  [[nodiscard]] base::MessageId new_id();
  [[nodiscard]] Content new_content();

  /// Returns when the message is on stable storage (P1). It is due at once: all recipients ready.
  [[nodiscard]] base::Task<Stored<StoredMessage>> accept(NewMessage message);

  /// To be awaited before the final dot goes out (P4); after an error it must not go out.
  [[nodiscard]] base::Task<base::Io<>> attempt_begun(base::MessageId id,
                                                     std::vector<std::uint32_t> recipients);

  /// What became of an attempt, or an operator's change, when it needs no report. In the page cache
  /// before it returns, durable within SpoolOptions::outcome_delay while the disk is well. The
  /// message is gone when all its recipients are final. An error says only that a crash right now
  /// would forget it; it is kept, and logged as soon as the disk lets us.
  [[nodiscard]] base::Task<base::Io<>> outcome(Change change);

  /// Makes changes and the acceptance of the report about them durable in one commit (P2). After an
  /// error none of the final failures (bounced, expired) and of what is `with_report` has happened,
  /// nor the report; the other
  /// changes have, as by outcome(). Without a report: a durable outcome().
  [[nodiscard]] base::Task<Stored<std::optional<StoredMessage>>> commit(
      std::vector<Change> changes, std::optional<NewMessage> report);

  /// Envelope and statuses, read from disk. not_found: no such live message. A damaged envelope is
  /// IoErrorCode::failed, and the message is quarantined.
  [[nodiscard]] base::Io<LoadedMessage> load(base::MessageId id);

  /// Reads a content from the start, piece by piece, and verifies its checksum on the way.
  class Reader {
   public:
    /// The next octets, at most `into.size()`; 0 at the end, only if everything read was right. An
    /// error before that: the content is damaged or unreadable. When it is damaged the message has
    /// been quarantined, and what was read so far must not be completed (no final dot).
    [[nodiscard]] base::Io<std::size_t> read(std::span<char> into);
    [[nodiscard]] std::uint64_t size() const { return size_; }

    Reader(Reader&&) noexcept;
    ~Reader();

    struct State;
    explicit Reader(std::unique_ptr<State> state);  ///< For the spool.

   private:
    std::unique_ptr<State> state_;
    std::uint64_t size_ = 0;
  };
  [[nodiscard]] base::Io<Reader> read_content(base::MessageId id);

  [[nodiscard]] bool contains(base::MessageId id) const;
  /// All live messages, in ascending order: as they arrived.
  [[nodiscard]] std::vector<base::MessageId> ids() const;
  /// Octets of the content; nothing when there is no such live message.
  [[nodiscard]] std::optional<std::uint64_t> size(base::MessageId id) const;

  /// Remembers what is known of a next hop; the latest wins, an empty blob removes it. Durable as
  /// an outcome is.
  void put_hop(std::string key, std::string blob);

  [[nodiscard]] const std::vector<Damage>& damage() const;
  [[nodiscard]] SpoolStatistics statistics() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// Looks into the spool of a server that is not running; never writes.
class ReadOnlySpool {
 public:
  ReadOnlySpool(sys::Disk& disk, std::string directory);
  ~ReadOnlySpool();

  /// IoErrorCode::busy: a server holds it; not_found: there is none.
  [[nodiscard]] base::Io<Recovered> open(RecoverySink& sink);
  [[nodiscard]] base::Io<LoadedMessage> load(base::MessageId id);
  [[nodiscard]] base::Io<Spool::Reader> read_content(base::MessageId id);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace spool
