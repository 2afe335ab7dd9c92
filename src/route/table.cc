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

// Patterns and addresses are found by these keys. None is taken for another: a domain holds no `@`,
// and does not begin with a dot.
constexpr std::string_view any_key = "*";
constexpr std::string_view null_key = "<>";

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

/// Calls `take` with the key of each pattern that matches, but for `*`. `wide`: also of those that
/// match what is below a domain.
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

bool names_a_domain(const AddressPattern& pattern) {
  return pattern.kind == AddressPattern::Kind::address ||
         pattern.kind == AddressPattern::Kind::domain;
}

bool asks_for_origin(const Rule& rule) { return rule.sender || rule.network || rule.user; }

bool sender_matches(const SenderPattern& pattern, const Origin& origin) {
  if (pattern.null) return !origin.sender;
  if (pattern.mailbox.kind == AddressPattern::Kind::any) return true;
  return origin.sender && pattern.mailbox.matches(*origin.sender);
}

bool network_matches(const base::Network& network, const Origin& origin) {
  return origin.client && network.contains(*origin.client);
}

/// Everything but recipient and sender.
bool rest_matches(const Rule& rule, const Origin* origin) {
  if (!asks_for_origin(rule)) return true;
  if (origin == nullptr) return false;
  if (rule.network && !network_matches(*rule.network, *origin)) return false;
  return !rule.user || rule.user->matches(origin->user);
}

std::string title_of(const Rule& rule, std::size_t index) {
  std::string out = fmt::format("[[route]] {}: {}", index + 1, rule.recipient.print());
  if (rule.sender) out += ", sender " + rule.sender->print();
  if (rule.network) out += ", network " + rule.network->to_string();
  if (rule.user) out += ", user " + rule.user->name;
  return out;
}

/// Of a rule that was tried, and not taken.
std::string why_not(const Rule& rule, const grammar::Mailbox& recipient, bool ours,
                    const Origin* origin) {
  if (!rule.recipient.matches(recipient)) return "does not match";
  if (ours && !names_a_domain(rule.recipient)) return "does not name this domain, which is ours";
  if (origin == nullptr) return "where the message comes from is not known";
  if (rule.sender && !sender_matches(*rule.sender, *origin)) {
    if (!origin->sender) return "the sender is <>";
    if (origin->sender->domain.empty()) return "the sender is not known";
    return "the sender is " + origin->sender->print();
  }
  if (rule.network && !network_matches(*rule.network, *origin)) {
    if (!origin->client) return "there is no client address";
    return fmt::format("the client is {}", origin->client->to_string());
  }
  if (origin->user.empty()) return "nobody has logged in";
  return fmt::format("the user is {}", origin->user);
}

}  // namespace

RouteTable::RouteTable(std::vector<Rule> rules) : rules_(std::move(rules)) {
  PH_ASSERT(rules_.size() < no_rule);
  for (std::uint32_t i = 0; i < rules_.size(); ++i) {
    Bucket& bucket = by_recipient_[key_of(rules_[i].recipient)];
    const std::optional<SenderPattern>& sender = rules_[i].sender;
    std::string key(any_key);
    if (sender) key = sender->null ? std::string(null_key) : key_of(sender->mailbox);
    (key == any_key ? bucket.any_sender : bucket.by_sender[std::move(key)]).push_back(i);
  }
}

std::uint32_t RouteTable::first_of(const Indexes& indexes, const Origin* origin,
                                   std::uint32_t best) const {
  for (const std::uint32_t index : indexes) {
    if (index >= best) break;
    if (rest_matches(rules_[index], origin)) return index;
  }
  return best;
}

std::uint32_t RouteTable::first_in(const Bucket& bucket, const Origin* origin,
                                   std::uint32_t best) const {
  best = first_of(bucket.any_sender, origin, best);
  if (bucket.by_sender.empty() || origin == nullptr) return best;
  const auto take = [&](std::string_view key) {
    const auto found = bucket.by_sender.find(key);
    if (found != bucket.by_sender.end()) best = first_of(found->second, origin, best);
  };
  if (!origin->sender) {
    take(null_key);
  } else {
    for_each_key(*origin->sender, true, take);
  }
  return best;
}

const Rule* RouteTable::find(const grammar::Mailbox& recipient, bool ours, const Origin* origin,
                             Steps steps) const {
  std::uint32_t best = no_rule;
  const auto take = [&](std::string_view key) {
    const auto found = by_recipient_.find(key);
    if (found != by_recipient_.end()) best = first_in(found->second, origin, best);
  };
  if (!by_recipient_.empty()) {
    for_each_key(recipient, !ours, take);
    if (!ours) take(any_key);
  }
  const Rule* found = best == no_rule ? nullptr : &rules_[best];
  if (steps != nullptr) explain(recipient, ours, origin, found, *steps);
  return found;
}

void RouteTable::explain(const grammar::Mailbox& recipient, bool ours, const Origin* origin,
                         const Rule* found, std::vector<Step>& steps) const {
  const std::size_t tried =
      found == nullptr ? rules_.size() : static_cast<std::size_t>(found - rules_.data());
  for (std::size_t i = 0; i < std::min(tried, explained_rules_max); ++i) {
    steps.push_back({title_of(rules_[i], i), why_not(rules_[i], recipient, ours, origin)});
  }
  if (tried > explained_rules_max) {
    steps.push_back({fmt::format("{} more rules", tried - explained_rules_max), "do not match"});
  }
  if (found == nullptr) return;
  std::string why = "matches: via " + found->via.print();
  if (found->auth) why += ", logged in as " + found->auth->user;
  if (!found->lane.empty()) why += ", in lane " + found->lane;
  steps.push_back({title_of(*found, tried), std::move(why)});
}

}  // namespace route
