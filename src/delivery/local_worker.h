#pragma once

#include <list>
#include <memory>
#include <string_view>

#include "delivery/delivery.h"

namespace delivery {

struct LocalKindInfo;
struct Parcel;

/// Whether a next hop needs no connection.
[[nodiscard]] bool is_local_hop(std::string_view key);

/// Puts messages into mailboxes here, or ends their journey otherwise, in batches.
class LocalWorker {
 public:
  LocalWorker(Delivery& delivery, queue::NextHop& hop);

  [[nodiscard]] base::Task<> run(std::unique_ptr<queue::Entry> entry);

 private:
  void prepare(std::unique_ptr<queue::Entry> entry, const Settings& settings,
               std::list<Parcel>& batch);
  void take_apart(queue::Entry& entry);
  [[nodiscard]] base::Task<> deliver(std::list<Parcel>& batch,
                                     std::shared_ptr<const Settings> settings);

  Delivery& delivery_;
  queue::NextHop& hop_;
  const LocalKindInfo& kind_;
};

}  // namespace delivery
