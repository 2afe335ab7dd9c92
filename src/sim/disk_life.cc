#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "sim/disk.h"
#include "sim/names.h"

// What happens to a SimDisk as a whole, and what tests see of it.
namespace sim {

namespace {

/// Calls `visit(path, node)` for everything below `folder`, in order of the names.
template <class Visit>
void walk(Node& folder, const std::string& path, const Visit& visit) {
  for (const auto& [name, node] : folder.entries) {
    const std::string below = path + "/" + name;
    visit(below, *node);
    if (node->is_directory) walk(*node, below, visit);
  }
}

}  // namespace

void SimDisk::end_life() {
  ++life_;
  halted_ = false;
  used_ = 0;
  walk(*names_->root(), "", [this](const std::string&, Node& node) {
    node.handles = 0;
    node.lock_holder = nullptr;
    node.charged = 0;
    if (node.is_directory) return;
    // What had room before has it after, whatever the capacity.
    const auto capacity = std::exchange(capacity_, std::nullopt);
    PH_ASSERT(charge(node, node.content.size()));
    capacity_ = capacity;
  });
}

void SimDisk::kill() { end_life(); }

void SimDisk::power_cut() {
  names_->power_cut(rng_);
  walk(*names_->root(), "",
       [this](const std::string&, Node& node) { node.content.power_cut(rng_); });
  end_life();
}

void SimDisk::settle() {
  names_->settle_all();
  walk(*names_->root(), "",
       [](const std::string&, Node& node) { node.content.settle(node.content.changes()); });
}

std::optional<std::string> SimDisk::contents(const std::string& path) const {
  const std::shared_ptr<Node> node = names_->find(path);
  if (!node || node->is_directory) return std::nullopt;
  std::string out(node->content.size(), '\0');
  (void)node->content.read(0, out);
  return out;
}

void SimDisk::put(const std::string& path, std::string_view contents) {
  for (std::size_t slash = path.find('/', 1); slash != path.npos;
       slash = path.find('/', slash + 1)) {
    const std::string above = path.substr(0, slash);
    if (names_->find(above)) continue;
    const auto folder = std::make_shared<Node>();
    folder->is_directory = true;
    names_->link(names_->locate(above), folder);
  }
  if (names_->find(path)) names_->unlink(names_->locate(path));
  const auto node = std::make_shared<Node>();
  node->content.write(0, contents);
  node->content.settle(node->content.changes());
  names_->link(names_->locate(path), node);
  names_->settle_all();
  const auto capacity = std::exchange(capacity_, std::nullopt);
  PH_ASSERT(charge(*node, contents.size()));
  capacity_ = capacity;
}

void SimDisk::damage(const std::string& path, std::uint64_t at, unsigned char mask) {
  const std::shared_ptr<Node> node = names_->find(path);
  PH_ASSERT(node && at < node->content.size());
  char octet = 0;
  (void)node->content.read(at, {&octet, 1});
  octet = static_cast<char>(static_cast<unsigned char>(octet) ^ mask);
  node->content.write(at, {&octet, 1});
  node->content.settle(node->content.changes());
}

std::vector<std::string> SimDisk::tree() const {
  std::vector<std::string> out;
  walk(*names_->root(), "", [&out](const std::string& path, Node& node) {
    out.push_back(node.is_directory ? path + "/" : path);
  });
  return out;
}

}  // namespace sim
