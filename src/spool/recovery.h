#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "spool/committer.h"
#include "spool/journal.h"
#include "spool/log.h"
#include "spool/store.h"
#include "sys/disk.h"

namespace spool {

struct KnownHop {
  std::string blob;
  std::uint32_t epoch = 0;  ///< Of the segment that has it; 0: none yet.
};

struct KnownDamage {
  DamageBody body;
  std::uint32_t noted_in = 0;  ///< The segment that has the note; 0: none yet.
};

/// What the files hold, beside the table of live messages.
struct Recovery {
  std::map<std::uint32_t, std::uint64_t> segments;  ///< Epoch to octets of the file.
  std::uint32_t next_epoch = 1;
  /// Segments that are gone for good, but whose files are there: the disk has forgotten that they
  /// were removed. Not among `segments`.
  std::vector<std::uint32_t> gone;
  std::vector<Ended> ended;    ///< What the next segment has to say.
  std::vector<Record> unsure;  ///< What it has to repeat.
  std::vector<Ended> roomy;    ///< Segments with nothing but room behind the offset.
  std::map<std::string, KnownHop, std::less<>> hops;
  std::vector<KnownDamage> damage;
  std::uint64_t forgotten = 0;
  std::vector<std::uint32_t> journals;
  std::vector<std::uint64_t> content_files;  ///< All that are there.
  base::MessageId last_id;

  /// From the journal: changes that the log does not know.
  struct LateChange {
    base::MessageId id;
    std::vector<StatusItem> items;
    std::vector<std::uint32_t> unknown;  ///< Recipients whose attempt has no outcome.
    bool done = false;                   ///< All are final; `items` may be empty.
  };
  std::vector<LateChange> late;
};

/// Reads everything; writes nothing. Fills `store`, the late changes as pending ones.
[[nodiscard]] base::Io<Recovery> recover(sys::Disk& disk, Store& store);

}  // namespace spool
