#include "sys/linux/descriptor.h"

#include <unistd.h>

#include <cerrno>

namespace sys::real {

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

std::unexpected<base::IoError> system_failure() { return std::unexpected(base::from_errno(errno)); }

}  // namespace sys::real
