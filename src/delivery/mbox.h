#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/task.h"

namespace sys {
class Disk;
class Loop;
}  // namespace sys

// mbox: all messages of a mailbox in one file.
namespace delivery {

/// One message for one mailbox.
struct MboxItem {
  std::string file;       ///< Made when missing, mode 0600, also the folders above it.
  std::string separator;  ///< mbox_separator().
  /// The content with CRLF line ends, cut anywhere. Must stay until the batch ends.
  std::vector<std::string_view> pieces;
  /// An earlier attempt may have written it. What that left at the end of the file is then looked
  /// for: a whole message is not written again, a part is cut off first.
  bool repeated = false;
};

/// Appends the items to their files, those of one file in one go; one result for each, in their
/// order. Success means that the message is on stable storage. After a failure the file has its old
/// length again. IoErrorCode::busy: somebody else has kept the file locked for lock_patience.
///
/// Other programs are kept away by fcntl() and flock(), which Debian's mail readers heed; there is
/// no dot-lock, which a crash would leave behind.
///
/// Blocks for as long as the disk does: to be run on `loop`, which may wait. Both must outlive it.
[[nodiscard]] base::Task<std::vector<base::Io<>>> deliver_to_mbox(sys::Disk& disk, sys::Loop& loop,
                                                                  std::vector<MboxItem> items);

}  // namespace delivery
