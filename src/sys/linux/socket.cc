#include "sys/linux/socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sys::real {

using base::Endpoint;
using base::Io;
using base::IoErrorCode;

namespace {

/// Connections that wait for accept(); the kernel lowers it to net.core.somaxconn.
constexpr int backlog_max = 4'096;

void set_option(int fd, int level, int option) noexcept {
  const int on = 1;
  // What the kernel does not know it does not need.
  (void)::setsockopt(fd, level, option, &on, sizeof on);
}

Io<Descriptor> bind_and_listen(Descriptor socket, const SocketAddress& address) {
  if (::bind(socket.get(), address.get(), address.octets) != 0) return system_failure();
  if (::listen(socket.get(), backlog_max) != 0) return system_failure();
  return socket;
}

/// True if a server answers at the path, or could: then its name is not ours to take.
bool is_in_use(const SocketAddress& address) {
  const Io<Descriptor> probe = open_stream_socket(AF_UNIX);
  if (!probe) return true;
  return ::connect(probe->get(), address.get(), address.octets) == 0 || errno != ECONNREFUSED;
}

bool is_socket(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

}  // namespace

SocketAddress SocketAddress::of(const Endpoint& endpoint) {
  SocketAddress address;
  if (endpoint.address.is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(endpoint.port);
    const auto octets = endpoint.address.v4_octets();
    std::memcpy(&in.sin_addr, octets.data(), octets.size());
    address.octets = sizeof in;
    std::memcpy(&address.storage, &in, sizeof in);
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(endpoint.port);
    std::memcpy(&in.sin6_addr, endpoint.address.octets().data(), 16);
    address.octets = sizeof in;
    std::memcpy(&address.storage, &in, sizeof in);
  }
  return address;
}

Io<SocketAddress> SocketAddress::of_path(const std::string& path) {
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof un.sun_path || path.find('\0') != path.npos) {
    return base::io_error(IoErrorCode::failed, path.empty() ? EINVAL : ENAMETOOLONG);
  }
  std::memcpy(un.sun_path, path.data(), path.size());
  SocketAddress address;
  address.octets = sizeof un;
  std::memcpy(&address.storage, &un, sizeof un);
  return address;
}

Endpoint SocketAddress::endpoint() const {
  if (family() == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &storage, sizeof in);
    std::array<std::uint8_t, 4> address{};
    std::memcpy(address.data(), &in.sin_addr, address.size());
    return {base::IpAddress::v4(address), ntohs(in.sin_port)};
  }
  if (family() == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &storage, sizeof in);
    std::array<std::uint8_t, 16> address{};
    std::memcpy(address.data(), &in.sin6_addr, address.size());
    return {base::IpAddress::v6(address), ntohs(in.sin6_port)};
  }
  return {};
}

Endpoint local_endpoint(int fd) {
  SocketAddress address;
  if (::getsockname(fd, address.get(), &address.octets) != 0) return {};
  return address.endpoint();
}

Io<Descriptor> open_stream_socket(int family) {
  Descriptor socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return system_failure();
  return socket;
}

Io<Descriptor> open_listener(const Endpoint& endpoint, bool share_port) {
  const SocketAddress address = SocketAddress::of(endpoint);
  Io<Descriptor> socket = open_stream_socket(address.family());
  if (!socket) return socket;
  set_option(socket->get(), SOL_SOCKET, SO_REUSEADDR);
  if (share_port) set_option(socket->get(), SOL_SOCKET, SO_REUSEPORT);
  // Else 0.0.0.0:25 and [::]:25 could not both be listened on.
  if (address.family() == AF_INET6) set_option(socket->get(), IPPROTO_IPV6, IPV6_V6ONLY);
  return bind_and_listen(std::move(*socket), address);
}

Io<Descriptor> open_unix_listener(const std::string& path, UnixAccess access) {
  const Io<SocketAddress> address = SocketAddress::of_path(path);
  if (!address) return std::unexpected(address.error());
  Io<Descriptor> socket = open_stream_socket(AF_UNIX);
  if (!socket) return socket;
  if (is_socket(path)) {
    if (is_in_use(*address)) return base::io_error(IoErrorCode::busy, EADDRINUSE);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_failure();
  }
  // Linux makes the socket file with the mode of the descriptor, so that it is never open to
  // others, whatever the umask of this process, which other threads share.
  if (::fchmod(socket->get(), S_IRUSR | S_IWUSR) != 0) return system_failure();
  Io<Descriptor> listening = bind_and_listen(std::move(*socket), *address);
  // The umask may forbid this mode, but not a change to it.
  if (listening && access == UnixAccess::everybody && ::chmod(path.c_str(), 0666) != 0) {
    return system_failure();
  }
  return listening;
}

void set_no_delay(int fd) noexcept { set_option(fd, IPPROTO_TCP, TCP_NODELAY); }

}  // namespace sys::real
