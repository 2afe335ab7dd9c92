#include "admin/http_server.h"

#include <utility>

namespace admin {

using base::Io;
using Accepted = Io<std::unique_ptr<sys::Connection>>;

namespace {

constexpr base::Duration no_descriptors_pause = std::chrono::milliseconds(100);
constexpr int reads_after_close_max = 16;
constexpr base::Duration after_close_timeout = std::chrono::seconds(1);

}  // namespace

HttpServer::HttpServer(sys::Net& net, engine::Timers& timers, HttpHandler handler)
    : net_(net), timers_(timers), handler_(std::move(handler)) {}

Io<> HttpServer::listen(const base::Endpoint& address) {
  auto bound = net_.listen(address);
  if (!bound) return std::unexpected(bound.error());
  listener_ = std::move(*bound);
  return {};
}

base::Task<> HttpServer::run() {
  accepting_.spawn(accept_all());
  co_await accepting_.join();
  listener_.reset();
  serving_.cancel();
  co_await serving_.join();
}

void HttpServer::stop() { accepting_.cancel(); }

base::Task<> HttpServer::accept_all() {
  for (;;) {
    Accepted accepted = co_await base::operation<Accepted>(
        [this](base::Completion<Accepted>& done) { return listener_->accept(done); });
    if (accepted) {
      if (serving_.size() < connections_max) serving_.spawn(serve(std::move(*accepted)));
      accepted->reset();
    } else if (accepted.error().code == base::IoErrorCode::cancelled) {
      co_return;
    } else {
      const auto paused = co_await base::operation<Io<>>([this](sys::Completion<>& done) {
        return timers_.loop().sleep_until(timers_.now() + no_descriptors_pause, done);
      });
      if (!paused) co_return;
    }
  }
}

base::Task<> HttpServer::serve(std::unique_ptr<sys::Connection> connection) {
  using Status = HttpReader::Status;
  engine::Channel channel(std::move(connection), timers_);
  HttpReader reader;
  bool keep_alive = true;
  for (std::size_t count = 0; keep_alive && count < requests_per_connection_max; ++count) {
    Status status = reader.receive({});
    // One deadline for the whole request, so that single octets do not keep a connection open.
    base::Instant deadline = timers_.now() + (count == 0 ? request_timeout : idle_timeout);
    while (status == Status::more) {
      const bool had_begun = reader.has_begun();
      const auto octets = co_await channel.read(deadline);
      if (!octets) co_return;
      if (!had_begun) deadline = timers_.now() + request_timeout;
      status = reader.receive(*octets);
    }
    HttpRequest request;
    HttpResponse response;
    if (status == Status::request) {
      request = reader.take();
      response = answer(request);
    } else {
      response = {.status = reader.refusal(), .content = "no such request\n"};
    }
    keep_alive = request.keep_alive && count + 1 < requests_per_connection_max;
    const std::string text = print_http(response, request.method == "HEAD", keep_alive);
    if (!co_await channel.write(text, timers_.now() + write_timeout)) co_return;
  }
  co_await channel.close();
  // Closing with unread octets would reset the connection, and take our answer from the peer.
  for (int reads = 0; reads < reads_after_close_max; ++reads) {
    if (!co_await channel.read(timers_.now() + after_close_timeout)) co_return;
  }
}

HttpResponse HttpServer::answer(const HttpRequest& request) const {
  if (request.method != "GET" && request.method != "HEAD") {
    return {.status = 405, .content = "only GET and HEAD\n"};
  }
  if (request.has_content) return {.status = 413, .content = "no content is taken here\n"};
  return handler_(request);
}

}  // namespace admin
