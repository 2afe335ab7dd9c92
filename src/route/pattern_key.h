#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/ascii.h"
#include "route/pattern.h"

// Patterns and addresses are found by hashing these keys. None is taken for another: a domain holds
// no `@`, and does not begin with a dot.
namespace route {

inline constexpr std::string_view any_key = "*";
inline constexpr std::string_view null_key = "<>";

[[nodiscard]] std::string address_key(std::string_view local, const grammar::Domain& domain);
[[nodiscard]] std::string key_of(const AddressPattern& pattern);

/// Calls `take` with the key of each pattern that matches, but for `*`, the most specific one
/// first: at most 2 + the labels of the domain. `wide`: also of those that match what is below a
/// domain.
template <class Take>
void for_each_key(const grammar::Mailbox& mailbox, bool wide, Take take) {
  const std::string_view domain = mailbox.domain.canonical();
  take(address_key(mailbox.local.value(), mailbox.domain));
  take(domain);
  if (!wide || mailbox.domain.is_literal()) return;
  for (std::size_t dot = domain.find('.'); dot != domain.npos; dot = domain.find('.', dot + 1)) {
    take(domain.substr(dot));
  }
}

/// So that a part of a domain is found without a copy of it.
struct KeyHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};
template <class Value>
using KeyMap = std::unordered_map<std::string, Value, KeyHash, std::equal_to<>>;

}  // namespace route
