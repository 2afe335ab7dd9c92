#include "sim/disk.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "sim/disk_file.h"
#include "sim/names.h"

namespace sim {

using base::Io;
using base::io_error;
using base::IoErrorCode;

namespace {

constexpr std::uint64_t block_octets = 4'096;
constexpr std::size_t name_octets_max = 255;
/// How often a change of names makes the system write out some of its journal on its own.
constexpr unsigned settle_per_mille = 20;

std::uint64_t whole_blocks(std::uint64_t octets) {
  return (octets + block_octets - 1) / block_octets * block_octets;
}

}  // namespace

std::string_view to_string(DiskOperation operation) {
  switch (operation) {
    case DiskOperation::open: return "open";
    case DiskOperation::size: return "size";
    case DiskOperation::read: return "read";
    case DiskOperation::allocate: return "allocate";
    case DiskOperation::truncate: return "truncate";
    case DiskOperation::write: return "write";
    case DiskOperation::sync: return "sync";
    case DiskOperation::try_lock: return "try_lock";
    case DiskOperation::rename: return "rename";
    case DiskOperation::unlink: return "unlink";
    case DiskOperation::make_directory: return "make_directory";
    case DiskOperation::list: return "list";
    case DiskOperation::exists: return "exists";
    case DiskOperation::sync_directory: return "sync_directory";
  }
  return "?";
}

SimDisk::SimDisk(std::uint64_t seed) : rng_(seed), names_(std::make_unique<Names>()) {}
SimDisk::~SimDisk() = default;

Io<> SimDisk::begin(DiskOperation operation, const std::string& path) {
  if (halted_) return io_error(IoErrorCode::cancelled);
  const std::uint64_t ordinal = operations_++;
  if (recording_) log_.push_back({operation, path, ordinal});
  if (observer_) observer_(operation, path, ordinal);
  if (halted_) return io_error(IoErrorCode::cancelled);
  if (!fail_at_ || fail_at_->ordinal != ordinal) return {};
  fault_reached_ = true;
  return std::unexpected(fail_at_->error);
}

void SimDisk::fail_at(std::uint64_t n, base::IoError error) {
  fail_at_ = Fault{operations_ + n, error};
  fault_reached_ = false;
}

bool SimDisk::is_skipped(DiskOperation operation, const std::string& path) const {
  return skip_ && skip_(operation, path, operations_ - 1);
}

bool SimDisk::charge(Node& node, std::uint64_t octets) {
  const std::uint64_t wanted = whole_blocks(std::max(octets, node.content.size()));
  const std::uint64_t others = used_ - node.charged;
  if (wanted > node.charged && capacity_ && others + wanted > *capacity_) return false;
  node.charged = wanted;
  used_ = others + wanted;
  return true;
}

void SimDisk::release_if_gone(Node& node) {
  if (node.links > 0 || node.handles > 0) return;
  used_ -= std::exchange(node.charged, 0);
}

sys::Now<> SimDisk::finish(sys::Completion<>& done, std::function<Io<>()> act) {
  if (!later_) return act();
  const auto complete = [this, &done, act, life = life_] {
    done.complete(life == life_ && !halted_ ? act() : io_error(IoErrorCode::cancelled));
  };
  if (later_(complete)) return std::nullopt;
  return act();
}

Io<std::unique_ptr<sys::File>> SimDisk::open(const std::string& path, sys::OpenMode mode) {
  if (const Io<> begun = begin(DiskOperation::open, path); !begun)
    return std::unexpected(begun.error());
  std::shared_ptr<Node> node = names_->find(path);
  const bool makes = mode == sys::OpenMode::create || mode == sys::OpenMode::append;
  if (node && mode == sys::OpenMode::create) return errno_error(EEXIST);
  if (node && node->is_directory && mode != sys::OpenMode::read) return errno_error(EISDIR);
  if (!node && !makes) return errno_error(ENOENT);
  if (!node) {
    const Entry at = names_->locate(path);
    if (!at.folder) return errno_error(ENOENT);
    if (at.name.size() > name_octets_max) return errno_error(ENAMETOOLONG);
    node = std::make_shared<Node>();
    names_->link(at, node);
    if (rng_.chance(settle_per_mille)) names_->settle_some(rng_);
  }
  return std::make_unique<SimFile>(*this, std::move(node), path, mode);
}

Io<> SimDisk::rename(const std::string& from, const std::string& to) {
  if (const Io<> begun = begin(DiskOperation::rename, from); !begun) return begun;
  const std::shared_ptr<Node> node = names_->find(from);
  const Entry target = names_->locate(to);
  if (!node || node == names_->root() || !target.folder) return errno_error(ENOENT);
  const std::shared_ptr<Node> replaced = names_->find(to);
  if (replaced == node) return {};
  if (replaced && (replaced->is_directory || node->is_directory)) return errno_error(EISDIR);
  if (target.name.size() > name_octets_max) return errno_error(ENAMETOOLONG);
  names_->rename(names_->locate(from), target);
  if (replaced) release_if_gone(*replaced);
  if (rng_.chance(settle_per_mille)) names_->settle_some(rng_);
  return {};
}

Io<> SimDisk::unlink(const std::string& path) {
  if (const Io<> begun = begin(DiskOperation::unlink, path); !begun) return begun;
  const std::shared_ptr<Node> node = names_->find(path);
  if (!node) return errno_error(ENOENT);
  if (node->is_directory) return errno_error(EISDIR);
  names_->unlink(names_->locate(path));
  release_if_gone(*node);
  if (rng_.chance(settle_per_mille)) names_->settle_some(rng_);
  return {};
}

Io<> SimDisk::make_directory(const std::string& path) {
  if (const Io<> begun = begin(DiskOperation::make_directory, path); !begun) return begun;
  if (names_->find(path)) return errno_error(EEXIST);
  const Entry at = names_->locate(path);
  if (!at.folder) return errno_error(ENOENT);
  if (at.name.size() > name_octets_max) return errno_error(ENAMETOOLONG);
  const auto node = std::make_shared<Node>();
  node->is_directory = true;
  names_->link(at, node);
  return {};
}

Io<std::vector<sys::DirectoryEntry>> SimDisk::list(const std::string& path) {
  if (const Io<> begun = begin(DiskOperation::list, path); !begun)
    return std::unexpected(begun.error());
  const std::shared_ptr<Node> folder = names_->find(path);
  if (!folder) return errno_error(ENOENT);
  if (!folder->is_directory) return errno_error(ENOTDIR);
  std::vector<sys::DirectoryEntry> out;
  for (const auto& [name, node] : folder->entries) out.push_back({name, node->is_directory});
  return out;
}

Io<bool> SimDisk::exists(const std::string& path) {
  if (const Io<> begun = begin(DiskOperation::exists, path); !begun)
    return std::unexpected(begun.error());
  return names_->find(path) != nullptr;
}

sys::Now<> SimDisk::sync_directory(const std::string& path, sys::Completion<>& done) {
  Io<> begun = begin(DiskOperation::sync_directory, path);
  if (halted_) return begun;
  const std::shared_ptr<Node> folder = names_->find(path);
  if (begun && !folder) return errno_error(ENOENT);
  if (begun && !folder->is_directory) return errno_error(ENOTDIR);
  if (begun && is_skipped(DiskOperation::sync_directory, path))
    return finish(done, [] { return Io<>{}; });
  const std::uint64_t before = names_->changes();
  if (begun && sync_fails()) begun = errno_error(EIO);
  if (!begun) {
    if (folder) names_->doom_some(*folder, before, rng_);
    return finish(done, [begun] { return begun; });
  }
  if (rng_.coin()) names_->settle(*folder, before);
  return finish(done, [this, folder, before] {
    names_->settle(*folder, before);
    return Io<>{};
  });
}

}  // namespace sim
