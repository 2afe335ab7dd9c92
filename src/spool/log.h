#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/operation.h"
#include "spool/content_body.h"
#include "spool/format.h"

// clang-format off
// The life of a message in the log. "w": written, "s": synced, "-": absent.
//
//   state        content  accepted  outcomes  done
//   S1 arriving     w         w         -       -    No reply sent. Recovery forgets it, or finds it whole.
//   S2 accepted     s         s         -       -    The peer has, or may have, our 250: we deliver.
//   S3 in part      s         s         w       -    An outcome that a crash forgets costs one more attempt.
//   S4 done         s         s         s       w    Owed to no one. Its segment may go when all in it are done.
// clang-format on
//
// In:  write content and `accepted` in one frame, fdatasync the segment, and only then reply 250
//      [RFC5321 6.1]. A content in a file of its own: sync the file, sync its folder, then the
//      frame.
// New segment: create, make room, fsync the directory, and only then append to it. (No fdatasync of
//      the empty file: the one of its first frame covers all that it would.)
//      Its first frame says where every older segment has ended (`ended`).
// Failed write or sync: the segment is never written again. A new segment whose first frame says
//      that the old one ended before the failed frame is synced before anybody hears of the failure
//      (P1); records that nobody waits for are written again there.
// Out: append the outcome; a final failure and the acceptance of its report go in one frame, as one
//      group that counts in whole or not at all.
// A segment goes, the oldest first, when its messages are done, by records that are synced, or have
//      been copied into a newer one; so whatever it says of older segments is of no use any more:
//      unlink (or rename, when it holds damage), fsync the directory, then the next one.
//      Every segment begins with the epoch of the oldest one that was there then: a file that comes
//      back, because an fsync failed and the process died before it could repeat it, counts for
//      nothing.
// A content's file goes after the `done` of its message is synced.
//
// What a crash leaves: the frames of a segment up to `durable_up_to` of a later frame, or up to its
// `ended` mark, are sure: a bad record in them is damage. Behind that lies at most one commit,
// perhaps torn: what is whole in it counts, and is written once more into the first frame of the
// next segment, together with the mark that ends the old one before it. So nothing is ever built on
// octets that the disk may still forget.
namespace spool {

/// Where a body lies in the log. Epoch 0: nowhere.
struct Location {
  std::uint32_t epoch = 0;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  std::uint32_t crc = 0;

  friend bool operator==(const Location&, const Location&) = default;
};

/// One record to be written. Its body is `body`, or `content` (type content), or, when `copy_of` is
/// set, whatever lies there.
struct Record {
  RecordType type{};
  std::uint8_t flags = 0;
  base::MessageId id;
  std::uint64_t aux = 0;
  std::string body;
  std::shared_ptr<const ContentBody> content;
  Location copy_of;
  Location placed;       ///< Set when it has been written.
  bool damaged = false;  ///< Set when what lies at copy_of is not right: then nothing was written.

  [[nodiscard]] std::size_t length() const;
};

/// Work for the committer: travels to its loop, is done, and comes back to the home loop, where
/// `finished` is called. Whoever submits it keeps it alive until then.
struct Submission : base::Posted {
  enum class Kind : std::uint8_t {
    records,       ///< Writes `records` in one frame and syncs it.
    free_segment,  ///< Takes segment `epoch` out of the log for good.
    mark,          ///< Writes that all before it is durable, unsynced.
    roll,          ///< Goes on in a new segment, and puts its epoch in `epoch`.
    stop,
  };
  Kind kind = Kind::records;
  bool separate = false;  ///< Each record is a commit of its own.
  /// May use the last room of a segment when the disk is full: what lets us free segments later.
  bool essential = false;
  bool keep = false;               ///< free_segment: renames it instead.
  std::uint32_t epoch = 0;         ///< free_segment.
  std::uint64_t content_file = 0;  ///< To be synced before.
  std::vector<Record> records;
  Stored<> result;
  /// On the home loop; may destroy the submission.
  void (*finished)(Submission&) noexcept = nullptr;
  void* context = nullptr;    ///< For `finished`.
  void* committer = nullptr;  ///< Set by submit().
  Submission* next_submission = nullptr;
};

}  // namespace spool
