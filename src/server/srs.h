#pragma once

#include <expected>
#include <memory>
#include <string>

#include "base/task.h"
#include "config/config.h"
#include "directory/srs.h"
#include "server/world.h"

namespace server {

struct LoadedSrs {
  std::shared_ptr<const directory::Srs> srs;  ///< Null: it is off.
  /// A secret that was made just now, since there was none in `data_dir`: still to be saved.
  std::string unsaved = {};
};

/// What rewrites senders, with its secrets as they are now. The error is for people.
[[nodiscard]] std::expected<LoadedSrs, std::string> load_srs(const World& world,
                                                             const config::Srs& srs);

/// Writes a secret into its file, for its owner alone; durable when it is done. Only with the queue
/// open: two servers must not make two.
[[nodiscard]] base::Task<std::expected<void, std::string>> save_srs_secret(const World& world,
                                                                           std::string path,
                                                                           std::string secret);

}  // namespace server
