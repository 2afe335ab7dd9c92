#pragma once

#include <memory>

#include "sys/disk.h"

namespace sys::real {

/// The file system. Every call blocks until it is done; what returns Now always has its result at
/// once. Relative paths are relative to the working folder of the process.
[[nodiscard]] std::unique_ptr<Disk> make_disk();

}  // namespace sys::real
