#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/id.h"
#include "config/config.h"

namespace cli {

/// The queue of a server, whether it runs or not. Answers are JSON as in server/queue_control.h,
/// piece by piece; errors are for people.
class QueueSource {
 public:
  using Take = std::function<void(std::string_view octets)>;
  using Result = std::expected<void, std::string>;

  virtual ~QueueSource() = default;

  /// Whether a server is at work on it.
  [[nodiscard]] virtual bool is_running() const { return false; }
  /// A list of objects, each on a line of its own.
  [[nodiscard]] virtual Result list(const Take& take) = 0;
  /// An object; with the one member `error` when there is no such message.
  [[nodiscard]] virtual Result show(base::MessageId id, const Take& take) = 0;
  /// The content; nothing when there is no such message. An error may come in the midst of it.
  [[nodiscard]] virtual Result body(base::MessageId id, const Take& take) = 0;
  /// `request`: an ACTION as in server/queue_control.h.
  [[nodiscard]] virtual Result act(const std::string& request, const Take& take) = 0;
};

using OpenedQueue = std::expected<std::unique_ptr<QueueSource>, std::string>;

/// Asks the server on config.data_dir, or opens its spool when none is running there.
[[nodiscard]] OpenedQueue open_queue(std::shared_ptr<const config::Config> config);

/// The queue of a server that does not run. Null: one has just started, or is about to end.
[[nodiscard]] OpenedQueue open_stopped_queue(std::shared_ptr<const config::Config> config);

}  // namespace cli
