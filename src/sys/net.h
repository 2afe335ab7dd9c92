#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/address.h"
#include "sys/loop.h"

// Stream sockets. Objects belong to the loop whose Net made them, and are used on its thread only.
namespace sys {

/// Destroyed only while nothing is pending; closes.
class Connection {
 public:
  virtual ~Connection() = default;

  /// At least one octet, in a buffer of the loop (up to 64 KiB) that is valid until the caller next
  /// waits for anything. IoErrorCode::closed at the end of the stream. Can be cancelled: then
  /// nothing has been taken from the stream.
  [[nodiscard]] virtual Now<std::string_view> read(Completion<std::string_view>&) = 0;

  /// Writes all of the pieces. The octets must stay until it completes. Can be cancelled: then any
  /// part may have been sent, and the connection is good for nothing but closing.
  [[nodiscard]] virtual Now<> write(std::span<const std::string_view> pieces, Completion<>&) = 0;

  /// No more output: the peer sees the end of the stream.
  virtual void shutdown() noexcept = 0;

  [[nodiscard]] virtual base::Endpoint local() const = 0;  ///< Of a Unix socket: `[::]:0`.
  [[nodiscard]] virtual base::Endpoint remote() const = 0;
  /// The user whose process has connected, of a Unix socket where the system says so.
  [[nodiscard]] virtual std::optional<std::uint32_t> peer_uid() const { return std::nullopt; }
};

class Listener {
 public:
  virtual ~Listener() = default;
  /// Can be cancelled. IoErrorCode::no_descriptors: wait a little, the listener stays good.
  [[nodiscard]] virtual Now<std::unique_ptr<Connection>> accept(
      Completion<std::unique_ptr<Connection>>&) = 0;
  [[nodiscard]] virtual base::Endpoint local() const = 0;  ///< With the port that was chosen for 0.
};

/// Who may connect to a Unix socket.
enum class UnixAccess : std::uint8_t {
  owner,      ///< Mode 0600.
  everybody,  ///< Mode 0666: whoever gets as far as its folder.
};

class Net {
 public:
  virtual ~Net() = default;
  [[nodiscard]] virtual base::Io<std::unique_ptr<Listener>> listen(const base::Endpoint&) = 0;
  /// A stream socket in the file system; a stale one is replaced.
  [[nodiscard]] virtual base::Io<std::unique_ptr<Listener>> listen_unix(
      const std::string& path, UnixAccess access = UnixAccess::owner) = 0;
  /// Can be cancelled. `source`: the local address to send from.
  [[nodiscard]] virtual Now<std::unique_ptr<Connection>> connect(
      const base::Endpoint& remote, const std::optional<base::IpAddress>& source,
      Completion<std::unique_ptr<Connection>>&) = 0;
  [[nodiscard]] virtual Now<std::unique_ptr<Connection>> connect_unix(
      const std::string& path, Completion<std::unique_ptr<Connection>>&) = 0;
};

}  // namespace sys
