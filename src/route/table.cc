#include "route/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/ascii.h"
#include "base/assert.h"

namespace route {
namespace {

constexpr std::uint32_t no_rule = std::numeric_limits<std::uint32_t>::max();
/// Rules named one by one in an explanation.
constexpr std::size_t explained_rules_max = 50;

/// A domain never holds an `@`, so that this is exact.
std::string address_key(std::string_view local, const grammar::Domain& domain) {
  std::string key = base::lower(local);
  key += '@';
  key += domain.canonical();
  return key;
}

/// The first of `indexes` that may be taken. With conditions beside the recipient this will look
/// further than the front.
std::uint32_t first_of(const std::vector<std::uint32_t>& indexes) {
  return indexes.empty() ? no_rule : indexes.front();
}

template <class Map, class Key>
std::uint32_t first_at(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? no_rule : first_of(found->second);
}

bool may_take(const AddressPattern& pattern, bool ours) {
  return !ours || pattern.kind == AddressPattern::Kind::address ||
         pattern.kind == AddressPattern::Kind::domain;
}

}  // namespace

RouteTable::RouteTable(std::vector<Rule> rules) : rules_(std::move(rules)) {
  PH_ASSERT(rules_.size() < no_rule);
  for (std::uint32_t i = 0; i < rules_.size(); ++i) {
    const AddressPattern& pattern = rules_[i].recipient;
    switch (pattern.kind) {
      case AddressPattern::Kind::address:
        addresses_[address_key(pattern.local, pattern.domain)].push_back(i);
        break;
      case AddressPattern::Kind::domain: domains_[pattern.domain.canonical()].push_back(i); break;
      case AddressPattern::Kind::below: below_[pattern.domain.canonical()].push_back(i); break;
      case AddressPattern::Kind::any: any_.push_back(i); break;
    }
  }
}

const Rule* RouteTable::find(const grammar::Mailbox& recipient, bool ours, const Origin* origin,
                             Steps steps) const {
  (void)origin;
  const std::string& domain = recipient.domain.canonical();
  std::uint32_t best = first_at(domains_, domain);
  if (!addresses_.empty()) {
    best = std::min(best,
                    first_at(addresses_, address_key(recipient.local.value(), recipient.domain)));
  }
  if (!ours) {
    best = std::min(best, first_of(any_));
    if (!below_.empty() && !recipient.domain.is_literal()) {
      std::size_t dot = domain.find('.');
      while (dot != std::string::npos) {
        best = std::min(best, first_at(below_, std::string_view(domain).substr(dot + 1)));
        dot = domain.find('.', dot + 1);
      }
    }
  }
  const Rule* found = best == no_rule ? nullptr : &rules_[best];
  if (steps != nullptr) explain(recipient, ours, found, *steps);
  return found;
}

void RouteTable::explain(const grammar::Mailbox& recipient, bool ours, const Rule* found,
                         std::vector<Step>& steps) const {
  const std::size_t tried =
      found == nullptr ? rules_.size() : static_cast<std::size_t>(found - rules_.data());
  const auto title = [&](std::size_t i) {
    return fmt::format("[[route]] {}: {}", i + 1, rules_[i].recipient.print());
  };
  for (std::size_t i = 0; i < std::min(tried, explained_rules_max); ++i) {
    const AddressPattern& pattern = rules_[i].recipient;
    const bool passed_over = pattern.matches(recipient) && !may_take(pattern, ours);
    steps.push_back(
        {title(i), passed_over ? "does not name this domain, which is ours" : "does not match"});
  }
  if (tried > explained_rules_max) {
    steps.push_back({fmt::format("{} more rules", tried - explained_rules_max), "do not match"});
  }
  if (found != nullptr) steps.push_back({title(tried), "matches: via " + found->via.print()});
}

}  // namespace route
