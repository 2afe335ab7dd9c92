#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

#include "grammar/domain.h"
#include "route/pattern.h"

namespace route {

/// Domains by patterns `domain` and `*.domain` (below it, not itself). A look-up costs the same
/// however many there are.
class DomainSet {
 public:
  DomainSet() = default;
  /// Patterns of other kinds are passed over.
  explicit DomainSet(std::span<const AddressPattern> patterns);

  [[nodiscard]] bool contains(const grammar::Domain& domain) const;
  /// The domain, or one below it, may be in the set.
  [[nodiscard]] bool touches(const grammar::Domain& domain) const;
  [[nodiscard]] bool empty() const { return domains_.empty() && below_.empty(); }

 private:
  std::unordered_set<std::string> domains_;  ///< Canonical.
  std::unordered_set<std::string> below_;    ///< The domains above.
  std::unordered_set<std::string> above_;    ///< Whatever lies above one of these.
};

/// Whether it is the other one, or lies below it.
[[nodiscard]] bool is_at_or_below(const grammar::Domain& domain, const grammar::Domain& top);

}  // namespace route
