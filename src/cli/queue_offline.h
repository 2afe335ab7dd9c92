#pragma once

#include <memory>
#include <string>

#include "cli/queue_source.h"
#include "config/config.h"

namespace cli {

/// Does what a running server would do on this request of an ACTION (see server/queue_control.h),
/// on the queue of one that is stopped. The changes are durable when this returns. What happens is
/// logged in `log.file`, if there is one.
[[nodiscard]] QueueSource::Result change_offline(std::shared_ptr<const config::Config> config,
                                                 const std::string& request,
                                                 const QueueSource::Take& take);

}  // namespace cli
