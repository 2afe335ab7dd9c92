#include "admin/control.h"

#include <utility>

namespace admin {

using base::Io;
using Accepted = Io<std::unique_ptr<sys::Connection>>;

namespace {

constexpr base::Duration no_descriptors_pause = std::chrono::milliseconds(100);
constexpr base::Duration request_timeout = std::chrono::seconds(10);
constexpr base::Duration write_timeout = std::chrono::minutes(1);
constexpr base::Duration answer_timeout = std::chrono::minutes(10);

}  // namespace

std::string control_path(std::string_view data_dir) { return std::string(data_dir) + "/control"; }

ControlServer::ControlServer(sys::Net& net, engine::Timers& timers, ControlHandler handler)
    : net_(net), timers_(timers), handler_(std::move(handler)) {}

Io<> ControlServer::listen(const std::string& path) {
  auto bound = net_.listen_unix(path);
  if (!bound) return std::unexpected(bound.error());
  listener_ = std::move(*bound);
  return {};
}

base::Task<> ControlServer::run() {
  for (;;) {
    Accepted accepted = co_await base::operation<Accepted>(
        [this](base::Completion<Accepted>& done) { return listener_->accept(done); });
    if (accepted) {
      serving_.spawn(serve(std::move(*accepted)));
    } else if (accepted.error().code == base::IoErrorCode::cancelled) {
      break;
    } else {
      // No descriptors: sessions that end free some.
      const auto paused = co_await base::operation<Io<>>([this](sys::Completion<>& done) {
        return timers_.loop().sleep_until(timers_.now() + no_descriptors_pause, done);
      });
      if (!paused) break;
    }
  }
  listener_.reset();
  co_await serving_.join();
}

base::Task<> ControlServer::serve(std::unique_ptr<sys::Connection> connection) {
  engine::Channel channel(std::move(connection), timers_);
  std::string request;
  const base::Instant deadline = timers_.now() + request_timeout;
  while (!request.ends_with('\n')) {
    const auto octets = co_await channel.read(deadline);
    if (!octets || request.size() + octets->size() > control_request_octets_max) co_return;
    request += *octets;
  }
  struct Sender {
    engine::Channel& channel;
    engine::Timers& timers;
    base::Task<bool> operator()(std::string_view octets) const {
      co_return (co_await channel.write(octets, timers.now() + write_timeout)).has_value();
    }
  };
  const ControlWriter write = Sender{channel, timers_};
  co_await handler_(request, write);
  co_await channel.close();
}

base::Task<Io<>> ask_server(sys::Net& net, engine::Timers& timers, std::string path,
                            std::string request, std::function<void(std::string_view)> take) {
  Accepted connected = co_await base::operation<Accepted>(
      [&](base::Completion<Accepted>& done) { return net.connect_unix(path, done); });
  if (!connected) co_return std::unexpected(connected.error());
  engine::Channel channel(std::move(*connected), timers);
  request += '\n';
  const Io<> sent = co_await channel.write(request, timers.now() + write_timeout);
  if (!sent) co_return sent;
  for (;;) {
    const auto octets = co_await channel.read(timers.now() + answer_timeout);
    if (octets) {
      take(*octets);
    } else if (octets.error().code == base::IoErrorCode::closed) {
      co_return Io<>{};
    } else {
      co_return std::unexpected(octets.error());
    }
  }
}

}  // namespace admin
