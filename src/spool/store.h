#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "spool/format.h"
#include "spool/log.h"
#include "spool/types.h"
#include "sys/disk.h"

namespace spool {

/// What is kept in memory of a live message: where it lies. About 100 octets with its place in the
/// table.
struct Entry {
  Location accepted;
  Location state;                    ///< A state record; further ones: see Store.
  std::uint64_t open = 0;            ///< Bit i: recipient i is not final. See Store beyond 64.
  std::uint64_t size = 0;            ///< Prefix and content.
  std::uint64_t content_file = 0;    ///< Its number, or 0.
  std::uint32_t content_offset = 0;  ///< In the segment of `accepted`, if it is in the log.
  std::uint32_t prefix_octets = 0;
  std::uint32_t recipients = 0;
  std::uint32_t version = 0;        ///< Of the last change.
  std::uint32_t state_version = 0;  ///< Of the change that `state` records.
  std::uint32_t content_crc = 0;

  /// What it occupies in its segment.
  [[nodiscard]] std::uint64_t log_octets() const {
    return accepted.length + (content_file == 0 ? size : 0);
  }
};

/// The table of live messages, and how to read them. Used on the home loop. Never writes.
class Store {
 public:
  Store(sys::Disk& disk, std::string directory);

  [[nodiscard]] Entry* find(base::MessageId id);
  [[nodiscard]] const std::unordered_map<base::MessageId, Entry>& entries() const {
    return entries_;
  }
  /// Puts a message into the table, or says that it lies somewhere else now.
  void put(base::MessageId id, const AcceptedSummary& summary, const Location& accepted,
           std::uint32_t content_offset, std::uint64_t content_file);
  void erase(base::MessageId id);

  /// Notes where a state record lies. A full one makes those useless that are not newer.
  void put_state(base::MessageId id, std::uint64_t version, bool full, const Location& location);
  /// That record lies somewhere else now.
  void move_state(base::MessageId id, const Location& from, const Location& to);
  /// Marks recipients final that are. True when none is left.
  [[nodiscard]] bool close(base::MessageId id, const std::vector<StatusItem>& items);
  /// How many state records it takes to know all recipients.
  [[nodiscard]] std::size_t state_records(base::MessageId id) const;

  /// Changes that are not in the log yet; they hide what is.
  void put_pending(base::MessageId id, const std::vector<StatusItem>& items);
  /// The changes of that version are in the log now.
  void remove_pending(base::MessageId id, std::uint64_t version);
  [[nodiscard]] const std::unordered_map<base::MessageId, std::vector<StatusItem>>& pending()
      const {
    return pending_;
  }

  struct Loaded {
    AcceptedBody accepted;
    std::vector<StatusItem> items;  ///< One for each recipient; version 0: never changed.
  };
  /// IoErrorCode::failed: damaged, see last_damage().
  [[nodiscard]] base::Io<Loaded> load(base::MessageId id);
  /// What load() stumbled over.
  [[nodiscard]] const DamageBody& last_damage() const { return last_damage_; }

  /// A segment open for reading; a few stay open.
  [[nodiscard]] base::Io<std::shared_ptr<sys::File>> segment(std::uint32_t epoch);
  [[nodiscard]] base::Io<std::shared_ptr<sys::File>> content_file(std::uint64_t number);
  void forget_segment(std::uint32_t epoch);

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string content_directory() const { return directory_ + "/content"; }
  [[nodiscard]] sys::Disk& disk() { return disk_; }

  /// Called when a reader finds a content damaged.
  std::function<void(base::MessageId, const DamageBody&)> on_damage;

 private:
  [[nodiscard]] base::Io<std::string> read_body(const Location& location);
  [[nodiscard]] base::Io<> load_states(base::MessageId id, const Entry& entry,
                                       std::vector<StatusItem>& items);
  void damaged(base::MessageId id, const Location& location, std::string what);

  sys::Disk& disk_;
  std::string directory_;
  std::unordered_map<base::MessageId, Entry> entries_;
  /// Open recipients of messages with more than 64.
  std::unordered_map<base::MessageId, std::vector<bool>> wide_;
  struct StatePlace {
    Location location;
    std::uint32_t version;
  };
  /// Further state records that still matter.
  std::unordered_map<base::MessageId, std::vector<StatePlace>> more_states_;
  std::unordered_map<base::MessageId, std::vector<StatusItem>> pending_;
  struct OpenSegment {
    std::uint32_t epoch;
    std::shared_ptr<sys::File> file;
  };
  std::list<OpenSegment> open_segments_;  ///< The one used last is in front.
  DamageBody last_damage_;
};

/// Replaces the items of those recipients that `from` knows something newer of.
void merge_items(std::vector<StatusItem>& into, const std::vector<StatusItem>& from);

}  // namespace spool
