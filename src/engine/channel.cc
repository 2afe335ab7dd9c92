#include "engine/channel.h"

#include <utility>

namespace engine {

using base::Instant;
using base::Io;
using base::io_error;
using base::IoErrorCode;

Channel::Channel(std::unique_ptr<sys::Connection> connection, Timers& timers)
    : connection_(std::move(connection)), limit_(timers, *this) {}

Channel::~Channel() = default;

void Channel::Limit::expired() noexcept {
  if (channel_.pending_ == nullptr) return;
  channel_.expired_ = true;
  channel_.pending_->cancel();
}

void Channel::interrupt() noexcept {
  if (pending_ != nullptr) pending_->cancel();
}

/// What an error of an operation means, now that it has ended.
base::IoError Channel::ended(base::IoError error) {
  if (expired_ && error.code == IoErrorCode::cancelled) error = {IoErrorCode::timed_out};
  return error;
}

base::Task<Io<std::string_view>> Channel::read_wire(Instant deadline) {
  expired_ = false;
  limit_.set(deadline);
  const auto octets = co_await base::operation<Io<std::string_view>>(
      [this](sys::Completion<std::string_view>& done) {
        pending_ = &done;
        return connection_->read(done);
      });
  pending_ = nullptr;
  limit_.clear();
  if (!octets) co_return std::unexpected(ended(octets.error()));
  co_return *octets;
}

base::Task<Io<>> Channel::write_wire(std::span<const std::string_view> pieces, Instant deadline) {
  expired_ = false;
  limit_.set(deadline);
  const auto written = co_await base::operation<Io<>>([this, pieces](sys::Completion<>& done) {
    pending_ = &done;
    return connection_->write(pieces, done);
  });
  pending_ = nullptr;
  limit_.clear();
  if (!written) co_return std::unexpected(ended(written.error()));
  co_return Io<>{};
}

base::Task<Io<>> Channel::write_tls_output(Instant deadline) {
  const std::string wire = tls_->take_output();
  if (wire.empty()) co_return Io<>{};
  const std::string_view piece = wire;
  co_return co_await write_wire({&piece, 1}, deadline);
}

base::Task<Io<std::string_view>> Channel::read(Instant deadline) {
  if (!tls_) co_return co_await read_wire(deadline);
  if (std::exchange(unread_, false)) co_return std::string_view(plain_);
  std::string().swap(plain_);  // An idle connection holds no buffer.
  for (;;) {
    if (tls_->status() == sys::TlsSession::Status::closed) co_return io_error(IoErrorCode::closed);
    if (tls_->status() == sys::TlsSession::Status::failed) co_return io_error(IoErrorCode::tls);
    const Io<std::string_view> wire = co_await read_wire(deadline);
    if (!wire) co_return std::unexpected(wire.error());
    tls_->receive(*wire, plain_);
    if (const auto sent = co_await write_tls_output(deadline); !sent) {
      co_return std::unexpected(sent.error());
    }
    if (!plain_.empty()) co_return std::string_view(plain_);
  }
}

base::Task<Io<>> Channel::write(std::span<const std::string_view> pieces, Instant deadline) {
  if (!tls_) co_return co_await write_wire(pieces, deadline);
  if (tls_->status() != sys::TlsSession::Status::open) co_return io_error(IoErrorCode::tls);
  for (const std::string_view piece : pieces) {
    if (!piece.empty()) tls_->send(piece);
  }
  co_return co_await write_tls_output(deadline);
}

base::Task<Io<>> Channel::write(std::string_view octets, Instant deadline) {
  co_return co_await write(std::span(&octets, 1), deadline);
}

base::Task<Io<>> Channel::start_tls(std::unique_ptr<sys::TlsSession> session, Instant deadline) {
  using Status = sys::TlsSession::Status;
  tls_ = std::move(session);
  plain_.clear();
  tls_->receive({}, plain_);
  for (;;) {
    const Io<> sent = co_await write_tls_output(deadline);
    if (tls_->status() == Status::failed) co_return io_error(IoErrorCode::tls);
    if (!sent) co_return sent;
    if (tls_->status() == Status::open) {
      unread_ = !plain_.empty();
      co_return Io<>{};
    }
    const Io<std::string_view> wire = co_await read_wire(deadline);
    if (!wire) co_return std::unexpected(wire.error());
    tls_->receive(*wire, plain_);
  }
}

base::Task<> Channel::close() {
  if (tls_ && tls_->status() == sys::TlsSession::Status::open) {
    tls_->close();
    (void)co_await write_tls_output(limit_.now() + std::chrono::seconds(1));
  }
  connection_->shutdown();
}

std::string Channel::tls_description() const { return tls_ ? tls_->description() : ""; }
std::string Channel::tls_failure() const { return tls_ ? tls_->failure() : ""; }

}  // namespace engine
