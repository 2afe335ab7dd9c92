#pragma once

#include <memory>
#include <string>

#include "sim/disk.h"
#include "sim/names.h"

namespace sim {

/// Classified as by the real file system.
[[nodiscard]] inline std::unexpected<base::IoError> errno_error(int system_error) {
  return std::unexpected(base::from_errno(system_error));
}

/// An open file of a SimDisk, good for one life of the machine.
class SimFile final : public sys::File {
 public:
  SimFile(SimDisk& disk, std::shared_ptr<Node> node, std::string path, sys::OpenMode mode);
  SimFile(const SimFile&) = delete;
  SimFile& operator=(const SimFile&) = delete;
  ~SimFile() override;

  [[nodiscard]] base::Io<std::uint64_t> size() override;
  [[nodiscard]] base::Io<std::size_t> read(std::uint64_t at, std::span<char> into) override;
  [[nodiscard]] base::Io<> allocate(std::uint64_t octets) override;
  [[nodiscard]] base::Io<> truncate(std::uint64_t octets) override;
  [[nodiscard]] sys::Now<> write(std::uint64_t at, std::span<const std::string_view> pieces,
                                 sys::Completion<>& done) override;
  [[nodiscard]] sys::Now<> sync(sys::Completion<>& done) override;
  void start_writing_out(std::uint64_t at, std::uint64_t octets) override;
  [[nodiscard]] base::Io<bool> try_lock() override;
  [[nodiscard]] base::Io<bool> is_at(const std::string& path) override;

 private:
  [[nodiscard]] base::Io<> begin(DiskOperation operation);
  [[nodiscard]] base::Io<> begin_change(DiskOperation operation);
  [[nodiscard]] bool is_alive() const { return life_ == disk_.life_ && !disk_.halted_; }
  [[nodiscard]] base::Io<> write_now(std::uint64_t at, std::span<const std::string_view> pieces);

  SimDisk& disk_;
  std::shared_ptr<Node> node_;
  std::string path_;  ///< At the time of opening.
  sys::OpenMode mode_;
  SimDisk::Life life_;
};

}  // namespace sim
