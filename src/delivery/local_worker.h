#pragma once

#include <list>
#include <memory>
#include <string_view>

#include "delivery/delivery.h"

namespace delivery {

/// Whether a next hop needs no connection.
[[nodiscard]] bool is_local_hop(std::string_view key);

/// Puts messages into mailboxes here, in batches, or throws them away as told.
class LocalWorker {
 public:
  LocalWorker(Delivery& delivery, queue::NextHop& hop) : delivery_(delivery), hop_(hop) {}

  [[nodiscard]] base::Task<> run(std::unique_ptr<queue::Entry> entry);

 private:
  struct Parcel;

  void prepare(std::unique_ptr<queue::Entry> entry, std::list<Parcel>& batch);
  void address(Parcel& parcel, std::uint32_t recipient);
  [[nodiscard]] base::Task<> deliver(std::list<Parcel>& batch);

  Delivery& delivery_;
  queue::NextHop& hop_;
};

}  // namespace delivery
