#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sys/disk.h"
#include "sys/linux/descriptor.h"

namespace sys::real {

/// The file system. Every call blocks until it is done; what returns Now always has its result at
/// once. Relative paths are relative to the working folder of the process.
struct DiskOptions {
  /// A file is never a device, a FIFO or a socket, whatever a name leads to: IoErrorCode::denied.
  /// Opening it does not wait.
  bool regular_files_only = false;
  /// Who opens a file for reading that we may not: asked after EACCES. Empty: nobody.
  std::function<base::Io<Descriptor>(const std::string& path)> open_denied = {};
};

[[nodiscard]] std::unique_ptr<Disk> make_disk(DiskOptions options = {});

}  // namespace sys::real
