#include "sys/linux/connection.h"

#include <sys/uio.h>

#include <boost/asio/post.hpp>
#include <cerrno>

namespace sys::real {

using base::Io;
using base::IoErrorCode;

namespace {

/// Pieces that one sendmsg() takes at most; more go with the next.
constexpr std::size_t pieces_at_once_max = 64;

/// Of a connection that stood. The kernel's own patience with a silent peer ends in ETIMEDOUT,
/// which is not the deadline of our caller.
base::IoError connection_error(int system_error) {
  if (system_error == ETIMEDOUT) return {IoErrorCode::reset, system_error};
  return base::from_errno(system_error);
}

}  // namespace

Io<Watched> watch(LoopCore& core, Descriptor socket) {
  Watched watched(core.io);
  boost::system::error_code error;
  watched.assign(socket.get(), error);
  if (error) return std::unexpected(base::from_errno(error.value()));
  (void)socket.release();
  return watched;
}

RealConnection::~RealConnection() { PH_ASSERT(reader_ == nullptr && writer_ == nullptr); }

Now<std::string_view> RealConnection::read(Completion<std::string_view>& done) {
  PH_ASSERT(reader_ == nullptr);
  const bool at_once = may_go_at_once();
  if (at_once) {
    if (Now<std::string_view> result = receive()) return result;
  }
  reader_ = &done;
  done.set_cancel(this, [](void* owner, base::Operation&) noexcept {
    auto& self = *static_cast<RealConnection*>(owner);
    self.read_cancelled_ = true;
    // A wait of the writer ends, too; it then tries again and waits anew.
    self.socket_.cancel();
  });
  if (at_once) {
    wait_to_read();
  } else {
    asio::post(core_.io, Handler<RealConnection, &RealConnection::readable>{this, &read_place_});
  }
  return std::nullopt;
}

Now<> RealConnection::write(std::span<const std::string_view> pieces, Completion<>& done) {
  PH_ASSERT(writer_ == nullptr);
  unsent_ = pieces;
  sent_of_first_ = 0;
  const bool at_once = may_go_at_once();
  if (at_once) {
    if (Now<> result = send()) return result;
  }
  writer_ = &done;
  done.set_cancel(this, [](void* owner, base::Operation&) noexcept {
    auto& self = *static_cast<RealConnection*>(owner);
    self.write_cancelled_ = true;
    self.socket_.cancel();
  });
  if (at_once) {
    wait_to_write();
  } else {
    asio::post(core_.io, Handler<RealConnection, &RealConnection::writable>{this, &write_place_});
  }
  return std::nullopt;
}

void RealConnection::shutdown() noexcept { ::shutdown(socket_.native_handle(), SHUT_WR); }

base::Endpoint RealConnection::local() const {
  return local_endpoint(const_cast<Watched&>(socket_).native_handle());
}

std::optional<std::uint32_t> RealConnection::peer_uid() const {
  const int fd = const_cast<Watched&>(socket_).native_handle();
  int domain = 0;
  socklen_t octets = sizeof domain;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &octets) != 0) return std::nullopt;
  if (domain != AF_UNIX) return std::nullopt;
  ucred peer{};
  octets = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &octets) != 0) return std::nullopt;
  return peer.uid;
}

Now<std::string_view> RealConnection::receive() noexcept {
  for (;;) {
    const ssize_t got =
        ::recv(socket_.native_handle(), core_.buffer->data(), core_.buffer->size(), 0);
    if (got > 0) return std::string_view(core_.buffer->data(), static_cast<std::size_t>(got));
    if (got == 0) return base::io_error(IoErrorCode::closed);
    if (errno == EAGAIN) return std::nullopt;
    if (errno != EINTR) return std::unexpected(connection_error(errno));
  }
}

Now<> RealConnection::send() noexcept {
  while (!unsent_.empty()) {
    std::array<iovec, pieces_at_once_max> parts;
    const std::size_t count = std::min(unsent_.size(), parts.size());
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view piece = unsent_[i].substr(i == 0 ? sent_of_first_ : 0);
      parts[i] = {const_cast<char*>(piece.data()), piece.size()};
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const ssize_t result = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
    if (result < 0) {
      if (errno == EAGAIN) return std::nullopt;
      if (errno == EINTR) continue;
      return std::unexpected(connection_error(errno));
    }
    sent_of_first_ += static_cast<std::size_t>(result);
    while (!unsent_.empty() && sent_of_first_ >= unsent_.front().size()) {
      sent_of_first_ -= unsent_.front().size();
      unsent_ = unsent_.subspan(1);
    }
  }
  return Io<>{};
}

void RealConnection::wait_to_read() {
  went_at_once_ = 0;
  socket_.async_wait(Watched::wait_read,
                     Handler<RealConnection, &RealConnection::readable>{this, &read_place_});
}

void RealConnection::wait_to_write() {
  went_at_once_ = 0;
  socket_.async_wait(Watched::wait_write,
                     Handler<RealConnection, &RealConnection::writable>{this, &write_place_});
}

void RealConnection::readable(const Error& /*error*/) {
  if (std::exchange(read_cancelled_, false)) {
    std::exchange(reader_, nullptr)->complete(base::io_error(IoErrorCode::cancelled));
    return;
  }
  const Now<std::string_view> result = receive();
  if (!result) return wait_to_read();
  std::exchange(reader_, nullptr)->complete(*result);  // Perhaps the end of this object.
}

void RealConnection::writable(const Error& /*error*/) {
  if (std::exchange(write_cancelled_, false)) {
    std::exchange(writer_, nullptr)->complete(base::io_error(IoErrorCode::cancelled));
    return;
  }
  const Now<> result = send();
  if (!result) return wait_to_write();
  std::exchange(writer_, nullptr)->complete(*result);
}

bool RealConnection::may_go_at_once() noexcept {
  if (went_at_once_ < at_once_max) {
    ++went_at_once_;
    return true;
  }
  went_at_once_ = 0;
  return false;
}

}  // namespace sys::real
