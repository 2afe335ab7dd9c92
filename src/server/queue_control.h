#pragma once

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "admin/control.h"
#include "admin/queue_view.h"
#include "delivery/delivery.h"
#include "server/queue_filter.h"
#include "spool/spool.h"

namespace boost::json {
class array;
class object;
}  // namespace boost::json

namespace server {

/// What the control socket is asked for. A request is a JSON object:
///
///     {"command": "list"}             → a list of objects
///     {"command": "show", "id": "…"}  → an object, or {"error": "…"}
///     {"command": "body", "id": "…"}  → the content as it is; nothing if there is none
///     {"command": "reload"}           → {"reloaded": true}, or {"error": "…"}
///     {"command": ACTION, "id": …, "to": …, "from": …, "all": …, "dry_run": …, "via": …,
///      "list": …}                     → {"matched": messages, "recipients": [{"id", "to"}]}
///
/// ACTION is a name of delivery::QueueAction. `list` false: the recipients need not be told, and
/// `retry` of all is then begun at once, whatever the length of the queue.
class QueueControl {
 public:
  struct Parts {
    sys::Loop& loop;
    spool::Spool& spool;
    delivery::Delivery& delivery;
    bool delivers = true;  ///< False: the server is stopped, its queue alone is open.
    std::function<std::expected<void, std::string>()> reload;
  };
  explicit QueueControl(Parts parts) : parts_(std::move(parts)) {}

  [[nodiscard]] base::Task<> answer(std::string request, admin::ControlWriter write);

 private:
  /// What an action touches.
  struct Touched {
    std::vector<delivery::Choice> chosen;  ///< By message.
    std::vector<std::string> addresses;    ///< Of all of them, in the same order.
  };

  [[nodiscard]] base::Task<> list(const admin::ControlWriter& write);
  [[nodiscard]] base::Task<> show(base::MessageId id, const admin::ControlWriter& write);
  [[nodiscard]] base::Task<> body(base::MessageId id, const admin::ControlWriter& write);
  [[nodiscard]] base::Task<std::string> act(delivery::QueueAction action,
                                            const boost::json::object& request);
  [[nodiscard]] base::Task<Touched> find(delivery::QueueAction action, const QueueFilter& filter);
  [[nodiscard]] std::string retry_everything();

  Parts parts_;
};

/// `hold`, `release`, …; nullopt: no such action.
[[nodiscard]] std::optional<delivery::QueueAction> queue_action(std::string_view name);

/// What is known about the next hops, as admin::describe() wants it. Lives for one listing.
class Outlooks {
 public:
  explicit Outlooks(const delivery::Delivery& delivery)
      : delivery_(delivery), settings_(delivery.current_settings()) {}
  [[nodiscard]] admin::Outlook find(const spool::LoadedMessage& message, std::uint32_t recipient);

 private:
  const delivery::Delivery& delivery_;
  std::shared_ptr<const delivery::Settings> settings_;
  std::map<std::string, admin::HopTrouble, std::less<>> troubles_;
};

}  // namespace server
