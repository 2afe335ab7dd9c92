#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "base/address.h"
#include "base/error.h"
#include "sys/linux/descriptor.h"
#include "sys/net.h"

// What sys/linux asks the kernel about sockets, without waiting.
namespace sys::real {

/// IPv4, IPv6 or Unix, in the kernel's form.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t octets = sizeof(sockaddr_storage);

  [[nodiscard]] static SocketAddress of(const base::Endpoint& endpoint);
  /// Paths are at most 107 octets long, not empty, and without NUL.
  [[nodiscard]] static base::Io<SocketAddress> of_path(const std::string& path);

  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] int family() const { return storage.ss_family; }
  /// `[::]:0` for Unix sockets.
  [[nodiscard]] base::Endpoint endpoint() const;
};

[[nodiscard]] base::Endpoint local_endpoint(int fd);

/// Non-blocking and closed on exec, like all that come from here.
[[nodiscard]] base::Io<Descriptor> open_stream_socket(int family);
[[nodiscard]] base::Io<Descriptor> open_listener(const base::Endpoint& endpoint, bool share_port);
[[nodiscard]] base::Io<Descriptor> open_unix_listener(const std::string& path, UnixAccess access);

/// Small writes go out at once: replies and commands are whole when they are written.
void set_no_delay(int fd) noexcept;

}  // namespace sys::real
