#include "sys/linux/net.h"

#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>

#include "sys/linux/connection.h"

namespace sys::real {

using base::Endpoint;
using base::Io;
using base::IoErrorCode;

namespace {

using Error = boost::system::error_code;
using Accepted = std::unique_ptr<Connection>;

class RealListener final : public Listener {
 public:
  /// `path`: of a Unix socket, removed at the end.
  RealListener(LoopCore& core, Watched socket, std::string path)
      : core_(core), socket_(std::move(socket)), path_(std::move(path)) {}
  ~RealListener() override {
    PH_ASSERT(waiter_ == nullptr);
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  [[nodiscard]] Now<Accepted> accept(Completion<Accepted>& done) override {
    PH_ASSERT(waiter_ == nullptr);
    const bool at_once = ++went_at_once_ <= at_once_max;
    if (at_once) {
      if (Now<Accepted> result = try_accept()) return result;
    }
    waiter_ = &done;
    done.set_cancel(this, [](void* owner, base::Operation&) noexcept {
      auto& self = *static_cast<RealListener*>(owner);
      self.cancelled_ = true;
      self.socket_.cancel();
    });
    if (at_once) {
      wait();
    } else {
      went_at_once_ = 0;
      asio::post(core_.io, Handler<RealListener, &RealListener::ready>{this, &place_});
    }
    return std::nullopt;
  }

  [[nodiscard]] Endpoint local() const override {
    return local_endpoint(const_cast<Watched&>(socket_).native_handle());
  }

 private:
  [[nodiscard]] Now<Accepted> try_accept();
  void wait() {
    went_at_once_ = 0;
    socket_.async_wait(Watched::wait_read,
                       Handler<RealListener, &RealListener::ready>{this, &place_});
  }
  void ready(const Error& /*error*/) {
    if (std::exchange(cancelled_, false)) {
      std::exchange(waiter_, nullptr)->complete(base::io_error(IoErrorCode::cancelled));
      return;
    }
    Now<Accepted> result = try_accept();
    if (!result) return wait();
    std::exchange(waiter_, nullptr)->complete(std::move(*result));
  }

  LoopCore& core_;
  Watched socket_;
  std::string path_;
  Completion<Accepted>* waiter_ = nullptr;
  HandlerPlace place_;
  bool cancelled_ = false;
  int went_at_once_ = 0;
};

Io<Accepted> make_connection(LoopCore& core, Descriptor socket, const Endpoint& remote) {
  Io<Watched> watched = watch(core, std::move(socket));
  if (!watched) return std::unexpected(watched.error());
  return std::make_unique<RealConnection>(core, std::move(*watched), remote);
}

Now<Accepted> RealListener::try_accept() {
  for (;;) {
    SocketAddress peer;
    Descriptor socket(
        ::accept4(socket_.native_handle(), peer.get(), &peer.octets, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket) {
      if (peer.family() != AF_UNIX) set_no_delay(socket.get());
      return make_connection(core_, std::move(socket), peer.endpoint());
    }
    switch (errno) {
      case EAGAIN: return std::nullopt;
      // Errors of the connection that we would have got, not of the listener [accept(2)].
      case EINTR:
      case ECONNABORTED:
      case EPROTO:
      case ENETDOWN:
      case ENOPROTOOPT:
      case EHOSTDOWN:
      case ENONET:
      case EHOSTUNREACH:
      case EOPNOTSUPP:
      case ENETUNREACH: continue;
      default: return system_failure();
    }
  }
}

/// A connect() that the kernel works on. Owned by the handler that waits for it.
class Connecting {
 public:
  Connecting(LoopCore& core, Watched socket, const Endpoint& remote, Completion<Accepted>& done)
      : core_(core), socket_(std::move(socket)), remote_(remote), done_(done) {}

  static void start(std::unique_ptr<Connecting> self) {
    Connecting& it = *self;
    it.done_.set_cancel(&it, [](void* owner, base::Operation&) noexcept {
      auto& connecting = *static_cast<Connecting*>(owner);
      connecting.cancelled_ = true;
      connecting.socket_.cancel();
    });
    it.socket_.async_wait(Watched::wait_write, [self = std::move(self)](const Error&) mutable {
      // The waiter goes on only when nothing of this is left.
      Completion<Accepted>& done = self->done_;
      Io<Accepted> result = self->finish();
      self.reset();
      done.complete(std::move(result));
    });
  }

 private:
  [[nodiscard]] Io<Accepted> finish() {
    if (cancelled_) return base::io_error(IoErrorCode::cancelled);
    int error = 0;
    socklen_t octets = sizeof error;
    if (::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_ERROR, &error, &octets) != 0) {
      return system_failure();
    }
    if (error != 0) return std::unexpected(base::from_errno(error));
    return std::make_unique<RealConnection>(core_, std::move(socket_), remote_);
  }

  LoopCore& core_;
  Watched socket_;
  Endpoint remote_;
  Completion<Accepted>& done_;
  bool cancelled_ = false;
};

class RealNet final : public Net {
 public:
  RealNet(LoopCore& core, const NetOptions& options) : core_(core), options_(options) {}

  [[nodiscard]] Io<std::unique_ptr<Listener>> listen(const Endpoint& endpoint) override {
    if (options_.bind) return make_listener(options_.bind(endpoint), {});
    return make_listener(open_listener(endpoint, options_.share_ports), {});
  }

  [[nodiscard]] Io<std::unique_ptr<Listener>> listen_unix(const std::string& path,
                                                          UnixAccess access) override {
    return make_listener(open_unix_listener(path, access), path);
  }

  [[nodiscard]] Now<Accepted> connect(const Endpoint& remote,
                                      const std::optional<base::IpAddress>& source,
                                      Completion<Accepted>& done) override {
    const SocketAddress address = SocketAddress::of(remote);
    Io<Descriptor> socket = open_stream_socket(address.family());
    if (!socket) return std::unexpected(socket.error());
    set_no_delay(socket->get());
    if (source) {
      const SocketAddress from = SocketAddress::of({*source, 0});
      if (::bind(socket->get(), from.get(), from.octets) != 0) return system_failure();
    }
    return start_connect(std::move(*socket), address, remote, done);
  }

  [[nodiscard]] Now<Accepted> connect_unix(const std::string& path,
                                           Completion<Accepted>& done) override {
    const Io<SocketAddress> address = SocketAddress::of_path(path);
    if (!address) return std::unexpected(address.error());
    Io<Descriptor> socket = open_stream_socket(AF_UNIX);
    if (!socket) return std::unexpected(socket.error());
    return start_connect(std::move(*socket), *address, {}, done);
  }

 private:
  [[nodiscard]] Io<std::unique_ptr<Listener>> make_listener(Io<Descriptor> socket,
                                                            const std::string& path) {
    if (!socket) return std::unexpected(socket.error());
    Io<Watched> watched = watch(core_, std::move(*socket));
    if (!watched) return std::unexpected(watched.error());
    return std::make_unique<RealListener>(core_, std::move(*watched), path);
  }

  [[nodiscard]] Now<Accepted> start_connect(Descriptor socket, const SocketAddress& address,
                                            const Endpoint& remote, Completion<Accepted>& done) {
    if (::connect(socket.get(), address.get(), address.octets) == 0) {
      return make_connection(core_, std::move(socket), remote);
    }
    // A signal does not stop the handshake. (EAGAIN is a Unix server with a full backlog.)
    if (errno != EINPROGRESS && errno != EINTR) return system_failure();
    Io<Watched> watched = watch(core_, std::move(socket));
    if (!watched) return std::unexpected(watched.error());
    Connecting::start(std::make_unique<Connecting>(core_, std::move(*watched), remote, done));
    return std::nullopt;
  }

  LoopCore& core_;
  NetOptions options_;
};

}  // namespace

Io<std::unique_ptr<Connection>> adopt_connection(RealLoop& loop, Descriptor socket) {
  return make_connection(loop.core(), std::move(socket), {});
}

std::unique_ptr<Net> make_net(RealLoop& loop, const NetOptions& options) {
  return std::make_unique<RealNet>(loop.core(), options);
}

}  // namespace sys::real
