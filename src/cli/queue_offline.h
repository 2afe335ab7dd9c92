#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>

#include "base/id.h"
#include "config/config.h"
#include "server/queue_filter.h"

namespace cli {

/// Makes the recipients that match due at once when the server is next started, and their next
/// hops, too. `found` sees each, before anything is durable; the changes are when this returns.
/// The error is for people: nothing or a part of it has been changed.
[[nodiscard]] std::expected<void, std::string> retry_offline(
    const config::Config& config, const server::QueueFilter& filter,
    const std::function<void(base::MessageId id, const std::string& forward_path)>& found);

}  // namespace cli
