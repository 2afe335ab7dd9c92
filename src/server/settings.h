#pragma once

#include <expected>
#include <memory>
#include <string>

#include "config/config.h"
#include "delivery/settings.h"
#include "engine/event_log.h"
#include "queue/queue.h"
#include "reception/settings.h"
#include "server/world.h"
#include "spool/spool.h"
#include "trace/recorder.h"

namespace server {

/// What a server is started for.
enum class Purpose : std::uint8_t {
  serve,            ///< Everything.
  take_local_mail,  ///< While the server is stopped: mail of local programs, into the queue alone.
  change_queue,     ///< While the server is stopped: Server::answer() alone.
};

/// What the parts of a server make of its configuration. The error is for people: a certificate
/// or password that cannot be read or used.
struct Settings {
  std::shared_ptr<const reception::Settings> reception;
  std::shared_ptr<const delivery::Settings> delivery;
  std::string certificate;              ///< What read_certificate() gave.
  std::string unsaved_srs_secret = {};  ///< See LoadedSrs.
};
[[nodiscard]] std::expected<Settings, std::string> make_settings(const World& world,
                                                                 const config::Config& config,
                                                                 Purpose purpose = Purpose::serve);

/// What deliveries make of the configuration alone: without certificates and passwords.
[[nodiscard]] std::shared_ptr<delivery::Settings> delivery_settings(const config::Config& config);

/// Chain and key as they are now, in one text that differs when one of them does; empty: none is
/// configured.
[[nodiscard]] std::expected<std::string, std::string> read_certificate(const World& world,
                                                                       const config::Tls& tls);

[[nodiscard]] queue::Options queue_options(const config::Config& config);
[[nodiscard]] engine::Event::Format event_format(const config::Config& config);
[[nodiscard]] spool::SpoolOptions spool_options(const config::Config& config);
[[nodiscard]] std::string spool_directory(const std::string& data_dir);
[[nodiscard]] trace::Options trace_options(const config::Config& config);
[[nodiscard]] std::string trace_directory(const std::string& data_dir);
/// The folder that every user of the machine may look into.
[[nodiscard]] std::string public_directory(const std::string& data_dir);
/// The socket in it at which local programs submit mail, by SMTP. It only submits.
[[nodiscard]] std::string submit_path(const std::string& data_dir);
/// In octets, of the path of a Unix socket [unix(7)].
inline constexpr std::size_t socket_path_octets_max = 107;

}  // namespace server
