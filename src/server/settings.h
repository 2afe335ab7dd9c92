#pragma once

#include <expected>
#include <memory>
#include <string>

#include "config/config.h"
#include "delivery/settings.h"
#include "queue/queue.h"
#include "reception/settings.h"
#include "server/world.h"
#include "spool/spool.h"

namespace server {

/// What the parts of a server make of its configuration. The error is for people: a certificate
/// that cannot be read or used.
struct Settings {
  std::shared_ptr<const reception::Settings> reception;
  std::shared_ptr<const delivery::Settings> delivery;
};
[[nodiscard]] std::expected<Settings, std::string> make_settings(const World& world,
                                                                 const config::Config& config);

[[nodiscard]] queue::Options queue_options(const config::Config& config);
[[nodiscard]] spool::SpoolOptions spool_options(const config::Config& config);
[[nodiscard]] std::string spool_directory(const std::string& data_dir);

}  // namespace server
