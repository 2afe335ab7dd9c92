#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "spool/format.h"
#include "sys/clock.h"
#include "sys/disk.h"
#include "sys/loop.h"

// What the log may not know yet when the process dies: which attempts have begun, and what became
// of them. Written by the home loop itself while the commit loop sits in an fdatasync, and never
// synced: it outlives the process, not the machine (P4). Why it stands beside the log:
// docs/adr/0002.
//
// The room for the next journal is there before it is needed, as a spare file, so that mail can
// leave a full disk: the file that goes becomes the spare of the next one.
namespace spool {

struct JournalRecord {
  enum class Type : std::uint8_t { begun = 1, outcome = 2, done = 3 };
  Type type{};
  base::MessageId id;
  std::uint32_t version = 0;              ///< begun: the message's when the attempt began.
  std::vector<std::uint32_t> recipients;  ///< begun.
  std::vector<StatusItem> items;          ///< outcome.
};

class Journal {
 public:
  struct World {
    sys::Loop& home;
    sys::Disk& disk;
    sys::Random& random;
  };
  /// `next`: the next free number. `octets_max`: room for records in each file.
  Journal(const World& world, std::string directory, std::uint32_t octets_max, std::uint32_t next);

  /// Appends in the page cache before it returns. After an error the journal is broken.
  [[nodiscard]] base::Task<base::Io<>> append(JournalRecord record);

  /// Goes on in a new file that begins with what `snapshot` gives then, and removes the old one.
  using Snapshot = std::function<std::vector<JournalRecord>()>;
  [[nodiscard]] base::Task<base::Io<>> restart(Snapshot snapshot);
  /// Broken, or there is no room for the record: restart() it before.
  [[nodiscard]] bool needs_restart(const JournalRecord& record) const;
  /// Nothing in the file is needed.
  void remove();

  /// Looks whether there is a spare from before. Call it first.
  void find_spare();
  /// Makes a spare if there is none. Without room there is none for now.
  void make_spare();
  /// As make_spare(), and makes its room and its name outlive a power cut.
  [[nodiscard]] base::Task<> make_durable_spare();
  /// Takes away a journal of an earlier life, or makes it the spare.
  void remove_old(std::uint32_t number);

 private:
  struct Opened {
    std::unique_ptr<sys::File> file;
    std::uint64_t room = 0;  ///< In octets.
  };
  /// The next file, with room for `octets` and as many as it pays for.
  [[nodiscard]] base::Io<Opened> open_next(const std::string& path, std::uint64_t octets);
  [[nodiscard]] std::string path_of(std::uint32_t number) const;
  [[nodiscard]] std::string spare_path() const;
  void retire(std::uint32_t number, std::uint64_t room);
  /// A power cut may bring back the octets of a file that is used again: its next name must not
  /// have the number that they have. It may differ from that in its name, after a power cut.
  void avoid_number_in(sys::File& file);

  World world_;
  std::string directory_;
  std::uint32_t octets_max_;
  std::uint32_t next_;        ///< Number of the next file.
  std::uint32_t number_ = 0;  ///< Of this one.
  std::uint64_t limit_ = 0;   ///< In octets, of this one.
  std::uint32_t salt_ = 0;
  std::unique_ptr<sys::File> file_;
  std::uint64_t end_ = 0;
  std::uint64_t spare_room_ = 0;     ///< In octets, of the spare; 0: there is none.
  std::uint64_t next_spare_at_ = 0;  ///< The end_ from which on it is tried to make one.
  std::size_t writing_ = 0;          ///< Appends under way.
  bool broken_ = true;
  bool restarting_ = false;
};

/// Everything in it up to the first record that is not whole.
[[nodiscard]] std::vector<JournalRecord> parse_journal(std::string_view octets,
                                                       std::uint32_t number);

}  // namespace spool
