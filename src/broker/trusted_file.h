#pragma once

#include <string>

#include "base/error.h"
#include "sys/linux/descriptor.h"

namespace broker {

/// Opens a file with our privileges, for somebody who has fewer: only if nobody but root could have
/// made the name mean another file than root meant. Every folder on the way, also behind symbolic
/// links, belongs to root and can be changed by root alone; one that everybody may write to is good
/// enough if it is sticky and what is taken from it belongs to root. Never a device or a FIFO.
///
/// Errors: that of the kernel; EPERM: the way is not safe.
[[nodiscard]] base::Io<sys::real::Descriptor> open_trusted(const std::string& path, int flags);

/// The same to append to it; made if it is missing, mode 0640, and then of this owner. It has one
/// name, which is no symbolic link.
struct LogOwner {
  unsigned uid;
  unsigned gid;
};
[[nodiscard]] base::Io<sys::real::Descriptor> open_trusted_log(const std::string& path,
                                                               const LogOwner& owner);

}  // namespace broker
