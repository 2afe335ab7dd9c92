#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

// TLS as a machine without sockets: octets of the wire in and out, octets of the application in and
// out. The simulator has a stand-in of its own.
namespace sys {

/// One end of one TLS connection, version 1.2 or later. Never waits. Bounded: an input of at most
/// 64 KiB is worked off before the next.
class TlsSession {
 public:
  virtual ~TlsSession() = default;

  enum class Status : std::uint8_t {
    handshaking,
    open,
    closed,  ///< The peer has sent close_notify.
    failed,  ///< See failure(). output() may hold an alert that is worth sending.
  };
  [[nodiscard]] virtual Status status() const = 0;

  /// Takes octets that came from the wire (all of them; none to start a client's handshake).
  /// Appends what they decrypt to to `plain`.
  virtual void receive(std::string_view wire, std::string& plain) = 0;
  /// Encrypts. Only while open.
  virtual void send(std::string_view plain) = 0;
  /// Says close_notify.
  virtual void close() = 0;
  /// Takes away what must be written to the wire, in order.
  [[nodiscard]] virtual std::string take_output() = 0;

  [[nodiscard]] virtual std::string description() const = 0;  ///< "TLSv1.3 TLS_AES_256_GCM_SHA384"
  /// Why the handshake failed, for people and logs: "certificate has expired".
  [[nodiscard]] virtual std::string failure() const = 0;
};

/// A certificate and key (server), or what to trust (client). Immutable; sessions made from it may
/// outlive it.
class TlsContext {
 public:
  virtual ~TlsContext() = default;
  [[nodiscard]] virtual std::unique_ptr<TlsSession> server() = 0;
  /// `name` goes into SNI; with `verify` the certificate must be valid for it (a host name, or an
  /// address in text form), else the status becomes failed.
  [[nodiscard]] virtual std::unique_ptr<TlsSession> client(const std::string& name,
                                                           bool verify) = 0;
};

class Tls {
 public:
  virtual ~Tls() = default;
  /// PEM texts: the chain, server's certificate first; and its key. The error is for people.
  [[nodiscard]] virtual std::expected<std::shared_ptr<TlsContext>, std::string> server_context(
      const std::string& chain_pem, const std::string& key_pem) = 0;
  /// `trusted_pem` empty: the system's certificates.
  [[nodiscard]] virtual std::expected<std::shared_ptr<TlsContext>, std::string> client_context(
      const std::string& trusted_pem) = 0;
};

}  // namespace sys
