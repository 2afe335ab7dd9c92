#pragma once

#include <functional>
#include <memory>

#include "sys/linux/descriptor.h"
#include "sys/linux/loop.h"
#include "sys/net.h"

namespace sys::real {

struct NetOptions {
  /// Several loops may listen on one address and port: each gets a share of the connections
  /// (SO_REUSEPORT).
  bool share_ports = false;
  /// Who makes listening TCP sockets, which do not block, for us; empty: we do.
  std::function<base::Io<Descriptor>(const base::Endpoint&)> bind = {};
};

/// TCP and Unix stream sockets of one loop.
[[nodiscard]] std::unique_ptr<Net> make_net(RealLoop& loop, const NetOptions& options = {});

/// One end of a pair of sockets, made by somebody else.
[[nodiscard]] base::Io<std::unique_ptr<Connection>> adopt_connection(RealLoop& loop,
                                                                     Descriptor socket);

}  // namespace sys::real
