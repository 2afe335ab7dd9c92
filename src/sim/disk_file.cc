#include "sim/disk_file.h"

#include <cerrno>
#include <utility>

namespace sim {

using base::Io;
using base::io_error;
using base::IoErrorCode;

SimFile::SimFile(SimDisk& disk, std::shared_ptr<Node> node, std::string path, sys::OpenMode mode)
    : disk_(disk), node_(std::move(node)), path_(std::move(path)), mode_(mode), life_(disk.life_) {
  ++node_->handles;
}

SimFile::~SimFile() {
  if (life_ != disk_.life_) return;
  if (node_->lock_holder == this) node_->lock_holder = nullptr;
  --node_->handles;
  disk_.release_if_gone(*node_);
}

Io<> SimFile::begin(DiskOperation operation) {
  if (!is_alive()) return io_error(IoErrorCode::cancelled);
  return disk_.begin(operation, path_);
}

Io<> SimFile::begin_change(DiskOperation operation) {
  Io<> begun = begin(operation);
  if (begun && mode_ == sys::OpenMode::read) return errno_error(EBADF);
  return begun;
}

Io<std::uint64_t> SimFile::size() {
  if (const Io<> begun = begin(DiskOperation::size); !begun) return std::unexpected(begun.error());
  return node_->content.size();
}

Io<std::size_t> SimFile::read(std::uint64_t at, std::span<char> into) {
  if (const Io<> begun = begin(DiskOperation::read); !begun) return std::unexpected(begun.error());
  if (node_->is_directory) return errno_error(EISDIR);
  return node_->content.read(at, into);
}

Io<> SimFile::allocate(std::uint64_t octets) {
  if (const Io<> begun = begin_change(DiskOperation::allocate); !begun) return begun;
  if (octets <= node_->content.size()) return {};
  if (!disk_.charge(*node_, octets)) return errno_error(ENOSPC);
  node_->content.resize(octets);
  return {};
}

Io<> SimFile::truncate(std::uint64_t octets) {
  if (const Io<> begun = begin_change(DiskOperation::truncate); !begun) return begun;
  // What is cut off is free at once.
  if (octets < node_->content.size()) node_->content.resize(octets);
  if (!disk_.charge(*node_, octets)) return errno_error(ENOSPC);
  node_->content.resize(octets);
  return {};
}

Io<> SimFile::write_now(std::uint64_t at, std::span<const std::string_view> pieces) {
  const Io<> begun = begin_change(DiskOperation::write);
  if (!is_alive() || mode_ == sys::OpenMode::read) return begun;
  std::uint64_t octets = 0;
  for (const std::string_view piece : pieces) octets += piece.size();
  // A write that fails may have been done in part.
  std::uint64_t left = begun ? octets : disk_.rng_.below(octets + 1);
  if (mode_ == sys::OpenMode::append) at = node_->content.size();
  Io<> result = begun;
  for (std::string_view piece : pieces) {
    piece = piece.substr(0, left);
    left -= piece.size();
    if (!disk_.charge(*node_, at + piece.size())) {
      result = errno_error(ENOSPC);
      piece = piece.substr(0, node_->charged > at ? node_->charged - at : 0);
      left = 0;
    }
    node_->content.write(at, piece);
    at += piece.size();
  }
  if (disk_.rng_.chance(30)) node_->content.settle_some(disk_.rng_);
  return result;
}

sys::Now<> SimFile::write(std::uint64_t at, std::span<const std::string_view> pieces,
                          sys::Completion<>& done) {
  return disk_.finish(done, [result = write_now(at, pieces)] { return result; });
}

sys::Now<> SimFile::sync(sys::Completion<>& done) {
  Io<> begun = begin(DiskOperation::sync);
  if (!is_alive()) return begun;
  const std::uint64_t up_to = node_->content.changes();
  if (begun && disk_.is_skipped(DiskOperation::sync, path_))
    return disk_.finish(done, [] { return Io<>{}; });
  if (begun && disk_.sync_fails()) begun = errno_error(EIO);
  if (!begun) {
    node_->content.doom_some(up_to, disk_.rng_);
    return disk_.finish(done, [begun] { return begun; });
  }
  // Somewhere between the call and its completion; what the disk did first is free.
  if (disk_.rng_.coin()) node_->content.settle(up_to);
  return disk_.finish(done, [node = node_, up_to] {
    node->content.settle(up_to);
    return Io<>{};
  });
}

void SimFile::start_writing_out(std::uint64_t /*at*/, std::uint64_t /*octets*/) {
  if (is_alive() && disk_.rng_.coin()) node_->content.settle_some(disk_.rng_);
}

Io<bool> SimFile::try_lock() {
  if (const Io<> begun = begin(DiskOperation::try_lock); !begun)
    return std::unexpected(begun.error());
  if (node_->lock_holder != nullptr && node_->lock_holder != this) return false;
  node_->lock_holder = this;
  return true;
}

Io<bool> SimFile::is_at(const std::string& path) {
  if (const Io<> begun = begin(DiskOperation::exists); !begun)
    return std::unexpected(begun.error());
  return disk_.names_->find(path) == node_;
}

}  // namespace sim
