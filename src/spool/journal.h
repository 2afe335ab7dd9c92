#pragma once

#include <cstdint>
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
  /// `next`: the next free number.
  Journal(const World& world, std::string directory, std::uint32_t octets_max, std::uint32_t next);

  /// Appends in the page cache before it returns. After an error the journal is broken.
  [[nodiscard]] base::Task<base::Io<>> append(JournalRecord record);

  /// Goes on in a new file that begins with these, and removes the old one.
  [[nodiscard]] base::Task<base::Io<>> restart(std::vector<JournalRecord> records);
  /// Broken or full: restart() it before the next append.
  [[nodiscard]] bool needs_restart() const;
  /// Removes the file: nothing in it is needed.
  void remove();

 private:
  World world_;
  std::string directory_;
  std::uint32_t octets_max_;
  std::uint32_t next_;        ///< Number of the next file.
  std::uint32_t number_ = 0;  ///< Of this one.
  std::uint64_t limit_ = 0;   ///< In octets, of this one.
  std::uint32_t salt_ = 0;
  std::unique_ptr<sys::File> file_;
  std::uint64_t end_ = 0;
  bool broken_ = true;
  bool restarting_ = false;
};

/// Everything in it up to the first record that is not whole.
[[nodiscard]] std::vector<JournalRecord> parse_journal(std::string_view octets,
                                                       std::uint32_t number);

}  // namespace spool
