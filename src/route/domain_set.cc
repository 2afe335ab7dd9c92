#include "route/domain_set.h"

namespace route {
namespace {

/// What stands above a domain, nearest first, until `visit` returns true. Returns whether it did.
template <class Visit>
bool any_above(std::string_view domain, Visit visit) {
  for (std::size_t dot = domain.find('.'); dot != domain.npos; dot = domain.find('.')) {
    domain.remove_prefix(dot + 1);
    if (visit(domain)) return true;
  }
  return false;
}

}  // namespace

DomainSet::DomainSet(std::span<const AddressPattern> patterns) {
  for (const AddressPattern& pattern : patterns) {
    const std::string name = pattern.domain.canonical();
    if (pattern.kind == AddressPattern::Kind::domain) {
      domains_.insert(name);
    } else if (pattern.kind == AddressPattern::Kind::below) {
      below_.insert(name);
      above_.insert(name);
    } else {
      continue;
    }
    (void)any_above(name, [&](std::string_view above) {
      above_.emplace(above);
      return false;
    });
  }
}

bool DomainSet::contains(const grammar::Domain& domain) const {
  if (empty() || domain.empty() || domain.is_literal()) return false;
  const std::string name = domain.canonical();
  if (domains_.contains(name)) return true;
  return !below_.empty() && any_above(name, [&](std::string_view above) {
    return below_.contains(std::string(above));
  });
}

bool DomainSet::touches(const grammar::Domain& domain) const {
  return contains(domain) || above_.contains(domain.canonical());
}

bool is_at_or_below(const grammar::Domain& domain, const grammar::Domain& top) {
  if (domain.is_literal() || top.empty()) return false;
  const std::string name = domain.canonical();
  const std::string end = top.canonical();
  if (!name.ends_with(end)) return false;
  return name.size() == end.size() || name[name.size() - end.size() - 1] == '.';
}

}  // namespace route
