#pragma once

#include <functional>
#include <memory>
#include <string>

#include "admin/http_message.h"
#include "base/group.h"
#include "engine/channel.h"
#include "engine/timers.h"
#include "sys/net.h"

namespace admin {

/// Answers a request of GET or HEAD, from memory.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

/// The HTTP server at `admin.address`. Only reads: whoever reaches it, also a web page by a name
/// that leads here (DNS rebinding), learns no more than figures.
class HttpServer {
 public:
  /// At once. More are closed unheard: operators and a scraper or two need few.
  static constexpr std::size_t connections_max = 64;
  static constexpr std::size_t requests_per_connection_max = 1'000;
  static constexpr base::Duration request_timeout = std::chrono::seconds(10);
  static constexpr base::Duration idle_timeout = std::chrono::minutes(1);
  static constexpr base::Duration write_timeout = std::chrono::seconds(30);

  HttpServer(sys::Net& net, engine::Timers& timers, HttpHandler handler);

  [[nodiscard]] base::Io<> listen(const base::Endpoint& address);
  [[nodiscard]] base::Endpoint address() const { return listener_->local(); }
  /// Ends when it is cancelled, or by stop().
  [[nodiscard]] base::Task<> run();
  /// Accepts no more, and cuts off what is open.
  void stop();

 private:
  [[nodiscard]] base::Task<> accept_all();
  [[nodiscard]] base::Task<> serve(std::unique_ptr<sys::Connection> connection);
  [[nodiscard]] HttpResponse answer(const HttpRequest& request) const;

  sys::Net& net_;
  engine::Timers& timers_;
  HttpHandler handler_;
  std::unique_ptr<sys::Listener> listener_;
  base::Group accepting_;
  base::Group serving_;
};

}  // namespace admin
