#pragma once

#include <memory>

#include "sys/linux/loop.h"
#include "sys/net.h"

namespace sys::real {

struct NetOptions {
  /// Several loops may listen on one address and port: each gets a share of the connections
  /// (SO_REUSEPORT).
  bool share_ports = false;
};

/// TCP and Unix stream sockets of one loop.
[[nodiscard]] std::unique_ptr<Net> make_net(RealLoop& loop, const NetOptions& options = {});

}  // namespace sys::real
