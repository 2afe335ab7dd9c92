#include "directory/expansion.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/ascii.h"
#include "directory/snapshot.h"

namespace directory {
namespace {

/// RFC 5321 wants it to be known in every domain [RFC5321 4.5.1].
bool is_postmaster(const grammar::Mailbox& mailbox) {
  return base::equal_nocase(mailbox.local.value(), "postmaster");
}

}  // namespace

/// Expands one recipient, depth first, so that targets keep the order of the configuration. The
/// stack is our own: a chain of aliases may be long.
class Expander {
 public:
  enum class CatchAll : std::uint8_t { ignored, followed };

  Expander(const Snapshot& snapshot, CatchAll catch_all)
      : snapshot_(snapshot), catch_all_(catch_all) {}

  [[nodiscard]] Expansion run(const grammar::Mailbox& recipient);

 private:
  struct Frame {
    const Alias* alias;
    const grammar::Mailbox* owner;  ///< Of this list, or else of the one that led here.
    std::size_t next = 0;           ///< Of its targets.
  };

  void visit(const grammar::Mailbox& mailbox, bool may_catch);
  void visit_unaliased(const grammar::Mailbox& mailbox, const LocalDomain& domain, bool may_catch);
  void visit_alias(const Alias& alias);
  /// The copy that an alias keeps which has led to itself. False: it has no mailbox.
  bool add_mailbox_of(const Alias& alias);
  /// The same of those that the alias has led to itself through.
  bool add_mailboxes_between(const Alias& alias);
  void add(grammar::Mailbox mailbox, bool local);
  /// The programs and files of the alias.
  void add_local(const Alias& alias);
  void add_once(std::string key, ExpandedTarget target);
  [[nodiscard]] const grammar::Mailbox* owner() const {
    return stack_.empty() ? nullptr : stack_.back().owner;
  }
  [[nodiscard]] bool is_beyond_limits() const {
    return steps_ > expansion_steps_max || out_.targets.size() > expansion_targets_max;
  }
  /// The recipient itself is here, but only the server behind its domain knows whether it exists.
  [[nodiscard]] bool must_ask(const Resolution& resolution) const;

  const Snapshot& snapshot_;
  CatchAll catch_all_;
  Expansion out_;
  std::vector<Frame> stack_;
  std::unordered_map<const Alias*, bool> open_;  ///< Seen; true: on the stack.
  std::unordered_set<std::string> seen_;         ///< Targets.
  std::size_t steps_ = 0;
  bool reached_ = false;  ///< A mailbox, or an address elsewhere.
  bool looped_ = false;
};

Expansion Expander::run(const grammar::Mailbox& recipient) {
  out_.domain = snapshot_.domain_of(recipient);
  if (out_.domain == nullptr) return std::move(out_);
  visit(recipient, true);
  while (!stack_.empty() && !is_beyond_limits()) {
    Frame& frame = stack_.back();
    if (frame.next == frame.alias->to.size()) {
      open_[frame.alias] = false;
      stack_.pop_back();
    } else {
      visit(frame.alias->to[frame.next++], true);
    }
  }
  if (is_beyond_limits()) {
    out_.kind = Expansion::Kind::too_many;
  } else if (!reached_) {
    out_.kind = looped_ ? Expansion::Kind::loop : Expansion::Kind::unknown;
  } else if (out_.kind != Expansion::Kind::ask) {
    out_.kind = Expansion::Kind::targets;
  }
  const bool has_targets =
      out_.kind == Expansion::Kind::targets || out_.kind == Expansion::Kind::ask;
  if (!has_targets) out_.targets.clear();
  return std::move(out_);
}

void Expander::visit(const grammar::Mailbox& mailbox, bool may_catch) {
  ++steps_;
  const LocalDomain* domain = snapshot_.domain_of(mailbox);
  if (domain == nullptr) {
    reached_ = true;
    return add(mailbox, false);
  }
  if (const Alias* alias = snapshot_.alias_of(mailbox, *domain)) return visit_alias(*alias);
  visit_unaliased(mailbox, *domain, may_catch);
}

void Expander::visit_unaliased(const grammar::Mailbox& mailbox, const LocalDomain& domain,
                               bool may_catch) {
  Resolution found = snapshot_.resolve(mailbox);
  if (found.kind != Resolution::Kind::mailbox) {
    const bool caught = domain.catch_all && may_catch && catch_all_ == CatchAll::followed;
    if (caught) return visit(*domain.catch_all, false);
    if (out_.aliased) add(mailbox, true);
    return;
  }
  if (must_ask(found)) out_.kind = Expansion::Kind::ask;
  reached_ = true;
  add(std::move(found.mailbox), true);
}

bool Expander::must_ask(const Resolution& resolution) const {
  return !out_.aliased && resolution.domain == out_.domain && resolution.user == nullptr &&
         resolution.domain->recipients == Recipients::ask && !is_postmaster(resolution.mailbox);
}

void Expander::visit_alias(const Alias& alias) {
  const auto [place, first] = open_.try_emplace(&alias, true);
  out_.aliased = true;
  if (first) {
    const grammar::Mailbox* own = snapshot_.find_owner(alias.address);
    stack_.push_back({.alias = &alias, .owner = own != nullptr ? own : owner()});
    return add_local(alias);
  }
  if (!place->second) return;  // Expanded before, elsewhere.
  if (!add_mailbox_of(alias) && !add_mailboxes_between(alias)) looped_ = true;
}

bool Expander::add_mailbox_of(const Alias& alias) {
  Resolution found = snapshot_.resolve(alias.address);
  if (found.kind != Resolution::Kind::mailbox) return false;
  reached_ = true;
  add(std::move(found.mailbox), true);
  return true;
}

bool Expander::add_mailboxes_between(const Alias& alias) {
  bool added = false;
  for (std::size_t i = stack_.size(); i > 0 && stack_[i - 1].alias != &alias; --i) {
    added |= add_mailbox_of(*stack_[i - 1].alias);
  }
  return added;
}

void Expander::add(grammar::Mailbox mailbox, bool local) {
  const std::string& name = mailbox.local.value();
  std::string key = (local ? base::lower(name) : name) + '@' + mailbox.domain.canonical();
  add_once(std::move(key), {.mailbox = std::move(mailbox)});
}

void Expander::add_local(const Alias& alias) {
  for (const LocalTarget& target : alias.local) {
    ++steps_;
    reached_ = true;
    // No address has a line end.
    add_once('\n' + target.text, {.mailbox = alias.address, .local = &target});
    if (is_beyond_limits()) return;
  }
}

void Expander::add_once(std::string key, ExpandedTarget target) {
  if (!seen_.insert(std::move(key)).second) return;
  target.owner = owner();
  target.alias = stack_.empty() ? nullptr : stack_.back().alias;
  out_.targets.push_back(std::move(target));
}

Expansion Snapshot::expand(const grammar::Mailbox& recipient) const {
  return Expander(*this, Expander::CatchAll::followed).run(recipient);
}

bool Snapshot::may_send_as(const User& user, const grammar::Mailbox& sender) const {
  for (const SenderPattern& pattern : user.may_send_as) {
    if (pattern.matches(sender)) return true;
  }
  // An alias belongs to the users it leads to.
  if (resolve(sender).user == &user) return true;
  const Expansion expansion = Expander(*this, Expander::CatchAll::ignored).run(sender);
  return expansion.aliased && std::ranges::any_of(expansion.targets, [&](const auto& target) {
           return target.local == nullptr && find_user(target.mailbox) == &user;
         });
}

}  // namespace directory
