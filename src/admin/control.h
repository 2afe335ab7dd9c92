#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/group.h"
#include "engine/channel.h"
#include "engine/timers.h"
#include "sys/net.h"

// The control socket: a Unix socket in data_dir for its owner alone. One connection carries one
// request: a line of JSON to the server, then its answer, then the end of the stream.
namespace admin {

/// In octets, of a request with its line end.
inline constexpr std::size_t control_request_octets_max = 64 * 1024;

[[nodiscard]] std::string control_path(std::string_view data_dir);

/// Where an answer goes, piece by piece; false: nobody listens any more.
using ControlWriter = std::function<base::Task<bool>(std::string_view octets)>;
/// Answers one request. What it writes is the answer; references outlive it.
using ControlHandler =
    std::function<base::Task<>(std::string_view request, const ControlWriter& write)>;

class ControlServer {
 public:
  ControlServer(sys::Net& net, engine::Timers& timers, ControlHandler handler);

  [[nodiscard]] base::Io<> listen(const std::string& path);
  /// Ends when it is cancelled.
  [[nodiscard]] base::Task<> run();

 private:
  [[nodiscard]] base::Task<> serve(std::unique_ptr<sys::Connection> connection);

  sys::Net& net_;
  engine::Timers& timers_;
  ControlHandler handler_;
  std::unique_ptr<sys::Listener> listener_;
  base::Group serving_;
};

/// Asks a running server. IoErrorCode::not_found or refused: none is running. Each piece of the
/// answer goes to `take`.
[[nodiscard]] base::Task<base::Io<>> ask_server(sys::Net& net, engine::Timers& timers,
                                                std::string path, std::string request,
                                                std::function<void(std::string_view)> take);

}  // namespace admin
