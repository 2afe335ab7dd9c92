#pragma once

#include <map>
#include <string>

#include "admin/control.h"
#include "admin/queue_view.h"
#include "delivery/delivery.h"
#include "spool/spool.h"

namespace boost::json {
class object;
}

namespace server {

/// The `queue` commands on a running server. A request is a JSON object:
///
///     {"command": "list"}                      → a list of objects
///     {"command": "show", "id": "…"}           → an object, or {"error": "…"}
///     {"command": "body", "id": "…"}           → the content as it is; nothing if there is none
///     {"command": "retry", "id": …, "to": …, "from": …, "all": true, "dry_run": …}
///                                              → {"matched": N, "recipients": […]}
class QueueControl {
 public:
  struct Parts {
    sys::Loop& loop;
    spool::Spool& spool;
    delivery::Delivery& delivery;
  };
  explicit QueueControl(const Parts& parts) : parts_(parts) {}

  [[nodiscard]] base::Task<> answer(std::string request, admin::ControlWriter write);

 private:
  [[nodiscard]] base::Task<> list(const admin::ControlWriter& write);
  [[nodiscard]] base::Task<> show(base::MessageId id, const admin::ControlWriter& write);
  [[nodiscard]] base::Task<> body(base::MessageId id, const admin::ControlWriter& write);
  [[nodiscard]] base::Task<> retry(const boost::json::object& request,
                                   const admin::ControlWriter& write);

  Parts parts_;
};

/// What is known about the next hops, as admin::describe() wants it. Lives for one listing.
class Outlooks {
 public:
  explicit Outlooks(const delivery::Delivery& delivery) : delivery_(delivery) {}
  [[nodiscard]] admin::Outlook find(std::string_view forward_path);

 private:
  const delivery::Delivery& delivery_;
  std::map<std::string, admin::HopTrouble, std::less<>> troubles_;
};

}  // namespace server
