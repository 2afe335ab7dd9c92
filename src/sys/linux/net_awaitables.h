#pragma once

#include "sys/net.h"

// Awaitable forms, for the tests and benchmarks of sys/linux.
namespace sys::real {

[[nodiscard]] inline auto accept(Listener& listener) {
  return base::operation<base::Io<std::unique_ptr<Connection>>>(
      [&listener](auto& done) { return listener.accept(done); });
}
[[nodiscard]] inline auto connect(Net& net, base::Endpoint remote,
                                  std::optional<base::IpAddress> source = {}) {
  return base::operation<base::Io<std::unique_ptr<Connection>>>(
      [&net, remote, source](auto& done) { return net.connect(remote, source, done); });
}
/// `path` must outlive the co_await.
[[nodiscard]] inline auto connect_unix(Net& net, const std::string& path) {
  return base::operation<base::Io<std::unique_ptr<Connection>>>(
      [&net, &path](auto& done) { return net.connect_unix(path, done); });
}
[[nodiscard]] inline auto read(Connection& connection) {
  return base::operation<base::Io<std::string_view>>(
      [&connection](auto& done) { return connection.read(done); });
}
[[nodiscard]] inline auto write(Connection& connection, std::span<const std::string_view> pieces) {
  return base::operation<base::Io<>>(
      [&connection, pieces](auto& done) { return connection.write(pieces, done); });
}

}  // namespace sys::real
