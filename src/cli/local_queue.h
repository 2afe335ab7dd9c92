#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "config/config.h"

namespace cli {

/// Talks SMTP at the socket of this path, and returns an exit status.
using LocalTalk = std::function<int(const std::string& path)>;

/// Calls `talk` with the socket by which local programs submit: of the server that runs, or else of
/// a process that takes the mail into the queue of the one that is stopped, for as long as `talk`
/// lasts. `with_accounts` reads the configuration for that process. The error is for people: there
/// is neither, and the mail must be tried again later.
[[nodiscard]] std::expected<int, std::string> talk_to_queue(
    const config::Config& config,
    const std::function<std::shared_ptr<const config::Config>()>& with_accounts,
    const LocalTalk& talk);

}  // namespace cli
