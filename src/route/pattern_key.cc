#include "route/pattern_key.h"

namespace route {

std::string address_key(std::string_view local, const grammar::Domain& domain) {
  std::string key = base::lower(local);
  key += '@';
  key += domain.canonical();
  return key;
}

std::string key_of(const AddressPattern& pattern) {
  switch (pattern.kind) {
    case AddressPattern::Kind::address: return address_key(pattern.local, pattern.domain);
    case AddressPattern::Kind::domain: return pattern.domain.canonical();
    case AddressPattern::Kind::below: return '.' + pattern.domain.canonical();
    case AddressPattern::Kind::any: break;
  }
  return std::string(any_key);
}

}  // namespace route
