#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace base {

/// What kind of failure the world had, as far as callers decide differently.
enum class IoErrorCode : std::uint8_t {
  not_found,
  exists,
  denied,
  no_space,        ///< Disk or quota full.
  no_descriptors,  ///< EMFILE, ENFILE, or no memory for buffers.
  refused,
  unreachable,
  reset,      ///< The peer is gone: reset, or closed within an operation that needed more.
  closed,     ///< The peer closed in order: end of file.
  timed_out,  ///< The deadline of the caller passed.
  cancelled,  ///< We are stopping.
  busy,       ///< Address in use, lock held, or too much in flight.
  tls,        ///< Handshake or record failed; see `detail` of the Connection.
  dns,        ///< SERVFAIL, REFUSED, bogus, no server.
  failed,     ///< Anything else: see system_error.
};

/// The world failed (disk, network, DNS). Becomes a 4yz reply or a later attempt.
struct IoError {
  IoErrorCode code = IoErrorCode::failed;
  int system_error = 0;  ///< errno, or 0.

  friend bool operator==(const IoError&, const IoError&) = default;
};

template <class T = void>
using Io = std::expected<T, IoError>;

[[nodiscard]] inline std::unexpected<IoError> io_error(IoErrorCode code, int system_error = 0) {
  return std::unexpected(IoError{code, system_error});
}

/// Classifies an errno value.
[[nodiscard]] IoError from_errno(int system_error) noexcept;

/// For people: "connection refused", "no space left on device (28)".
[[nodiscard]] std::string describe(const IoError& error);

}  // namespace base
