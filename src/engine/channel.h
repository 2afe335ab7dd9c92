#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/task.h"
#include "engine/timers.h"
#include "sys/net.h"
#include "sys/tls.h"

namespace engine {

/// A connection with deadlines, in plain text or, after start_tls(), in TLS. One coroutine uses it
/// at a time. After an error other than timed_out or interruption of a read it is good for nothing.
class Channel {
 public:
  Channel(std::unique_ptr<sys::Connection> connection, Timers& timers);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// At least one octet of plain text, valid until the next call or wait. IoErrorCode::timed_out at
  /// the deadline: nothing is lost, reading may go on. IoErrorCode::closed: the end.
  [[nodiscard]] base::Task<base::Io<std::string_view>> read(base::Instant deadline);

  /// Writes all of it. The octets must stay until then.
  [[nodiscard]] base::Task<base::Io<>> write(std::span<const std::string_view> pieces,
                                             base::Instant deadline);
  [[nodiscard]] base::Task<base::Io<>> write(std::string_view octets, base::Instant deadline);

  /// Does the handshake. After IoErrorCode::tls, tls_failure() says why.
  [[nodiscard]] base::Task<base::Io<>> start_tls(std::unique_ptr<sys::TlsSession> session,
                                                 base::Instant deadline);

  /// Says close_notify if there is TLS, as far as that does not wait, and ends the output.
  [[nodiscard]] base::Task<> close();

  /// Ends a pending operation with IoErrorCode::cancelled.
  void interrupt() noexcept;

  [[nodiscard]] bool in_tls() const { return tls_ != nullptr; }
  [[nodiscard]] std::string tls_description() const;  ///< Empty in plain text.
  [[nodiscard]] std::string tls_failure() const;
  [[nodiscard]] base::Endpoint local() const { return connection_->local(); }
  [[nodiscard]] base::Endpoint remote() const { return connection_->remote(); }
  [[nodiscard]] std::optional<std::uint32_t> peer_uid() const { return connection_->peer_uid(); }

 private:
  class Limit final : public Deadline {
   public:
    Limit(Timers& timers, Channel& channel) : Deadline(timers), channel_(channel) {}
    void expired() noexcept override;

   private:
    Channel& channel_;
  };

  [[nodiscard]] base::Task<base::Io<std::string_view>> read_wire(base::Instant deadline);
  [[nodiscard]] base::Task<base::Io<>> write_wire(std::span<const std::string_view> pieces,
                                                  base::Instant deadline);
  [[nodiscard]] base::Task<base::Io<>> write_tls_output(base::Instant deadline);
  [[nodiscard]] base::IoError ended(base::IoError error);

  std::unique_ptr<sys::Connection> connection_;
  std::unique_ptr<sys::TlsSession> tls_;
  std::string plain_;  ///< Decrypted: what read() has handed out, or came with the handshake.
  bool unread_ = false;
  base::Operation* pending_ = nullptr;
  bool expired_ = false;
  Limit limit_;
};

}  // namespace engine
