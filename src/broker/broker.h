#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "config/config.h"

// The process that keeps privileges for the worker that has none. It reads nothing from the
// network: it knows the configuration, binds its listeners, opens its keys, starts its programs and
// deliveries as other users, and starts the worker again when it has died. What it does for the
// worker stands in rules.h.
namespace broker {

/// A configuration that is in force, or may come to be.
struct Loaded {
  std::string file;
  std::string text;
  std::shared_ptr<const config::Config> config;
};

struct BrokerOptions {
  /// Reads the configuration file again. The error is for people, one mistake a line.
  std::function<std::expected<Loaded, std::string>()> load;
  /// One line for people.
  std::function<void(std::string_view line)> complain;
  /// Told the service manager: see sd_notify(3).
  std::function<void(std::string_view state)> notify;
};

/// How a worker is started: by this program, with these words.
inline constexpr const char* worker_command = "worker";
/// The numbers of its channels.
inline constexpr int requests_descriptor = 3;  ///< See Client.
inline constexpr int orders_descriptor = 4;    ///< One octet for each order; its end: the end.
enum class Order : char { stop = 's', reload = 'r' };

/// Serves until SIGTERM or SIGINT, or until the worker cannot even begin. Returns the exit status.
/// Of a process of one thread, which root has started; `first` names a user in `privileges`.
[[nodiscard]] int run(Loaded first, const BrokerOptions& options);

}  // namespace broker
