#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/task.h"

namespace sys {
class Disk;
}

namespace delivery {

/// Makes the folders of mailboxes, so that a file whose name in `new` is durable cannot lose the
/// folder it is in. Lives for one batch.
///
/// `tmp` comes last, when the names of `new`, of `cur` and of all folders above are durable: where
/// there is a `tmp`, nothing is left to do, also after a crash in between.
class MailboxFolders {
 public:
  /// `disk` must outlive it.
  explicit MailboxFolders(sys::Disk& disk) : disk_(disk) {}

  /// A mailbox with its `new`, `cur` and `tmp`.
  [[nodiscard]] base::Task<base::Io<>> make(std::string mailbox);
  /// One folder and those above it, with durable names, although they may be there already.
  [[nodiscard]] base::Task<base::Io<>> make_path(std::string folder);

 private:
  /// Makes those of `paths` that are missing; all of them are in `parent`.
  [[nodiscard]] base::Task<base::Io<>> make_durable(std::string parent,
                                                    std::vector<std::string> paths);
  void name_anew(const std::string& path);

  sys::Disk& disk_;
  std::set<std::string> durable_;  ///< Folders whose names are known to be.
};

}  // namespace delivery
