#include "sim/names.h"

#include <utility>

namespace sim {

namespace {

/// Takes the first name off `path`; empty at the end.
std::string_view take_name(std::string_view& path) {
  for (;;) {
    while (path.starts_with('/')) path.remove_prefix(1);
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(name.size());
    if (name != ".") return name;
  }
}

void set(const Entry& at, const std::shared_ptr<Node>& node) {
  at.folder->durable.insert_or_assign(at.name, node);
}

bool leads_to(const Entry& at, const Node& node) {
  const auto found = at.folder->durable.find(at.name);
  return found != at.folder->durable.end() && found->second.get() == &node;
}

void erase_if_leads_to(const Entry& at, const Node& node) {
  if (leads_to(at, node)) at.folder->durable.erase(at.name);
}

bool same(const Entry& a, const Entry& b) { return a.folder == b.folder && a.name == b.name; }

bool holds(const Node& folder, const Node& node) {
  for (const auto& [name, entry] : folder.durable)
    if (entry.get() == &node || (entry->is_directory && holds(*entry, node))) return true;
  return false;
}

}  // namespace

Names::Names() : root_(std::make_shared<Node>()) {
  root_->is_directory = true;
  root_->links = 1;
}

std::shared_ptr<Node> Names::find(std::string_view path) const {
  std::shared_ptr<Node> node = root_;
  for (std::string_view name = take_name(path); !name.empty(); name = take_name(path)) {
    if (!node->is_directory) return nullptr;
    const auto found = node->entries.find(name);
    if (found == node->entries.end()) return nullptr;
    node = found->second;
  }
  return node;
}

Entry Names::locate(std::string_view path) const {
  std::shared_ptr<Node> node = root_;
  std::string_view name = take_name(path);
  if (name.empty()) return {};
  for (std::string_view next = take_name(path); !next.empty(); next = take_name(path)) {
    const auto found = node->entries.find(name);
    if (found == node->entries.end() || !found->second->is_directory) return {};
    node = found->second;
    name = next;
  }
  return {node, std::string(name)};
}

void Names::link(const Entry& at, std::shared_ptr<Node> node) {
  ++node->links;
  at.folder->entries.emplace(at.name, node);
  pending_.push_back({Kind::link, next_ordinal_++, std::move(node), {}, at});
}

void Names::unlink(const Entry& at) {
  const auto found = at.folder->entries.find(at.name);
  std::shared_ptr<Node> node = found->second;
  --node->links;
  at.folder->entries.erase(found);
  pending_.push_back({Kind::unlink, next_ordinal_++, std::move(node), at, {}});
}

void Names::rename(const Entry& from, const Entry& to) {
  if (same(from, to)) return;
  const auto found = from.folder->entries.find(from.name);
  std::shared_ptr<Node> node = found->second;
  from.folder->entries.erase(found);
  auto& target = to.folder->entries[to.name];
  if (target) --target->links;
  target = node;
  pending_.push_back({Kind::rename, next_ordinal_++, std::move(node), from, to});
}

/// The folder whose sync makes a change durable.
const Node* Names::home(const Change& change) {
  return change.kind == Kind::unlink ? change.from.folder.get() : change.to.folder.get();
}

void Names::apply(const Change& change) {
  if (change.kind != Kind::link) erase_if_leads_to(change.from, *change.node);
  if (change.kind != Kind::unlink) set(change.to, change.node);
}

bool Names::is_durable_anywhere(const Node& node) const { return holds(*root_, node); }

void Names::apply_if_sane(const Change& change) const {
  switch (change.kind) {
    case Kind::link:
      if (!change.to.folder->durable.contains(change.to.name)) apply(change);
      break;
    case Kind::unlink: apply(change); break;
    case Kind::rename:
      // Of a file whose creation was forgotten the new name may be all that is left.
      if (leads_to(change.from, *change.node) || !is_durable_anywhere(*change.node)) apply(change);
      break;
  }
}

std::vector<bool> Names::closure(const Node& folder, std::uint64_t before_change) const {
  std::vector<bool> wanted(pending_.size());
  for (std::size_t i = pending_.size(); i-- > 0;) {
    const Change& change = pending_[i];
    if (home(change) == &folder && change.ordinal < before_change) wanted[i] = true;
    if (wanted[i]) continue;
    for (std::size_t later = i + 1; later < pending_.size() && !wanted[i]; ++later) {
      if (!wanted[later]) continue;
      const Change& other = pending_[later];
      // What a file went through before comes along, and so does what freed a name for another.
      const bool same_node = other.node == change.node;
      const bool freed_name =
          change.kind != Kind::link && other.kind != Kind::unlink && same(change.from, other.to);
      wanted[i] = same_node || freed_name;
    }
  }
  return wanted;
}

void Names::settle(const Node& folder, std::uint64_t before_change) {
  const std::vector<bool> wanted = closure(folder, before_change);
  std::vector<Change> left;
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    if (wanted[i])
      apply(pending_[i]);
    else
      left.push_back(std::move(pending_[i]));
  }
  pending_ = std::move(left);
}

void Names::doom_some(const Node& folder, std::uint64_t before_change, Rng& rng) {
  const Survival survival = pick_survival(rng);
  const std::vector<bool> wanted = closure(folder, before_change);
  std::vector<Change> left;
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    if (!wanted[i]) {
      left.push_back(std::move(pending_[i]));
      continue;
    }
    const bool saved =
        survival == Survival::everything || (survival != Survival::nothing && rng.coin());
    if (saved) apply_if_sane(pending_[i]);
  }
  pending_ = std::move(left);
}

void Names::settle_some(Rng& rng) {
  // A journal is written in order: what is older is durable first.
  const std::uint64_t count = rng.below(pending_.size() + 1);
  for (std::uint64_t i = 0; i < count; ++i) apply(pending_[i]);
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
}

void Names::settle_all() {
  for (const Change& change : pending_) apply(change);
  pending_.clear();
}

void Names::power_cut(Rng& rng) {
  const Survival survival = pick_survival(rng);
  const std::uint64_t prefix = rng.below(pending_.size() + 1);
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    bool survives = false;
    switch (survival) {
      case Survival::nothing: break;
      case Survival::everything: survives = true; break;
      case Survival::prefix: survives = i < prefix; break;
      case Survival::any_subset: survives = rng.coin(); break;
    }
    if (survives) apply_if_sane(pending_[i]);
  }
  pending_.clear();
  rebuild(*root_);
}

void Names::rebuild(Node& folder) {
  folder.entries = folder.durable;
  for (auto& [name, node] : folder.entries) {
    node->links = 1;
    if (node->is_directory) rebuild(*node);
  }
}

}  // namespace sim
