#include "route/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"

namespace route {
namespace {

constexpr std::uint32_t no_rule = std::numeric_limits<std::uint32_t>::max();
/// Rules named one by one in an explanation.
constexpr std::size_t explained_rules_max = 50;

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
  std::string out = fmt::format("[[route]] {}: ", index + 1);
  out += rule.table ? "table " + rule.table->name() : rule.recipient.print();
  if (rule.sender) out += ", sender " + rule.sender->print();
  if (rule.network) out += ", network " + rule.network->to_string();
  if (rule.user) out += ", user " + rule.user->name;
  return out;
}

/// Of a rule that was tried, and not taken.
std::string why_not(const Rule& rule, const grammar::Mailbox& recipient, bool ours,
                    const Origin* origin) {
  if (rule.table && !rule.table->find(recipient, ours)) return "has no row for it";
  if (!rule.table && !rule.recipient.matches(recipient)) return "does not match";
  if (!rule.table && ours && !names_a_domain(rule.recipient))
    return "does not name this domain, which is ours";
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

RouteTable::RouteTable() : RouteTable(std::vector<Rule>()) {}

RouteTable::RouteTable(std::vector<Rule> rules) {
  PH_ASSERT(rules.size() < no_rule);
  Parts parts;
  for (std::uint32_t i = 0; i < rules.size(); ++i) {
    if (rules[i].table) {
      parts.with_table.push_back(i);
      continue;
    }
    Bucket& bucket = parts.by_recipient[key_of(rules[i].recipient)];
    const std::optional<SenderPattern>& sender = rules[i].sender;
    std::string key(any_key);
    if (sender) key = sender->null ? std::string(null_key) : key_of(sender->mailbox);
    (key == any_key ? bucket.any_sender : bucket.by_sender[std::move(key)]).push_back(i);
  }
  parts.rules = std::move(rules);
  parts_ = std::make_shared<const Parts>(std::move(parts));
}

std::uint32_t RouteTable::first_of(const Indexes& indexes, const Origin* origin,
                                   std::uint32_t best) const {
  for (const std::uint32_t index : indexes) {
    if (index >= best) break;
    if (rest_matches(parts_->rules[index], origin)) return index;
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

std::optional<Match> RouteTable::first_with_row(const grammar::Mailbox& recipient, bool ours,
                                                const Origin* origin, std::uint32_t best) const {
  for (const std::uint32_t index : parts_->with_table) {
    if (index >= best) break;
    const Rule& rule = parts_->rules[index];
    if (!rest_matches(rule, origin)) continue;
    if (rule.sender && !sender_matches(*rule.sender, *origin)) continue;
    if (const auto row = rule.table->find(recipient, ours))
      return Match{&rule, row->via, row->line};
  }
  return std::nullopt;
}

std::optional<Match> RouteTable::find(const grammar::Mailbox& recipient, bool ours,
                                      const Origin* origin, Steps steps) const {
  std::uint32_t best = no_rule;
  const auto take = [&](std::string_view key) {
    const auto found = parts_->by_recipient.find(key);
    if (found != parts_->by_recipient.end()) best = first_in(found->second, origin, best);
  };
  if (!parts_->by_recipient.empty()) {
    for_each_key(recipient, !ours, take);
    if (!ours) take(any_key);
  }
  std::optional<Match> found = first_with_row(recipient, ours, origin, best);
  if (!found && best != no_rule) {
    const Rule& rule = parts_->rules[best];
    found = Match{&rule, &rule.via};
  }
  if (steps != nullptr) explain(recipient, ours, origin, found, *steps);
  return found;
}

void RouteTable::explain(const grammar::Mailbox& recipient, bool ours, const Origin* origin,
                         const std::optional<Match>& found, std::vector<Step>& steps) const {
  const std::vector<Rule>& rules = parts_->rules;
  const std::size_t tried =
      found ? static_cast<std::size_t>(found->rule - rules.data()) : rules.size();
  for (std::size_t i = 0; i < std::min(tried, explained_rules_max); ++i) {
    steps.push_back({title_of(rules[i], i), why_not(rules[i], recipient, ours, origin)});
  }
  if (tried > explained_rules_max) {
    steps.push_back({fmt::format("{} more rules", tried - explained_rules_max), "do not match"});
  }
  if (!found) return;
  const Rule& rule = *found->rule;
  std::string why = rule.table ? fmt::format("line {} matches", found->line) : "matches";
  why += ": via " + found->via->print();
  if (rule.auth) why += ", logged in as " + rule.auth->user;
  if (rule.tls) why += fmt::format(", TLS {}", to_string(*rule.tls));
  if (!rule.lane.empty()) why += ", in lane " + rule.lane;
  steps.push_back({title_of(rule, tried), std::move(why)});
}

}  // namespace route
