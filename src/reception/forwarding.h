#pragma once

#include <optional>
#include <string>

#include "directory/expansion.h"
#include "grammar/path.h"
#include "reception/recipients.h"

// Mail that goes on to others: by aliases and lists, and reports that come back from there.
namespace reception {

/// Another reverse-path than the originator's, for what a recipient becomes: the owner of the list
/// that it is reached through, so that reports go to whom the list belongs to [RFC5321 3.9.2]; or,
/// where SRS is on, an address of our own for mail from elsewhere that an alias sends on elsewhere.
/// Printed, with `<>`; empty: the originator's. The null reverse-path stays what it is.
[[nodiscard]] std::string reverse_path_for(const directory::ExpandedTarget& target, bool is_local,
                                           const RecipientQuestion& question);

/// What a recipient is that may be a rewritten sender of ours.
struct Returned {
  bool is_ours = false;  ///< It was one, and the path has the original now: needs no permission.
  std::optional<RecipientAnswer> refusal = {};
};
[[nodiscard]] Returned take_rewritten(grammar::ForwardPath& path,
                                      const RecipientQuestion& question);

}  // namespace reception
