#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "route/mx_lookup.h"

namespace route {

/// Gathers what the searches for the hosts of one `via` found, one after the other, to one list in
/// the order of trial: as MX hosts whose preferences rise. A host that is ourselves ends the list,
/// as it does among MX hosts [RFC5321 5.1]; one that is not found is passed over.
class FailOver {
 public:
  /// False: the hosts behind it are not to be tried.
  [[nodiscard]] bool add(const MxLookup::Result& result);
  /// Every host that was found; if there is none, why: what is temporary goes before what is final.
  [[nodiscard]] MxLookup::Result take();

 private:
  std::vector<Host> hosts_;
  std::optional<NoHostError> error_;
  std::uint16_t place_ = 0;
};

}  // namespace route
