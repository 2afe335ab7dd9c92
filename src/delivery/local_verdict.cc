#include "base/escape.h"
#include "delivery/local_kind.h"

// discard: and reject: need neither content nor mailbox.
namespace delivery {

using dsn::Outcome;

namespace {

class DiscardKind final : public LocalKind {
 public:
  base::Task<> deliver(std::list<Parcel>& batch) override {
    for (Parcel& parcel : batch) parcel.conclude(Outcome::delivered, "250 2.0.0 discarded");
    co_return;
  }
};

class RejectKind final : public LocalKind {
 public:
  base::Task<> deliver(std::list<Parcel>& batch) override {
    for (Parcel& parcel : batch) {
      for (const LocalTarget& target : parcel.targets) {
        parcel.conclude(target, Outcome::bounced,
                        "550 5.7.1 " + base::escaped(target.where.argument));
      }
    }
    co_return;
  }
};

}  // namespace

std::unique_ptr<LocalKind> make_discard_kind(const DeliveryWorld& /*world*/,
                                             std::shared_ptr<const Settings> /*settings*/) {
  return std::make_unique<DiscardKind>();
}

std::unique_ptr<LocalKind> make_reject_kind(const DeliveryWorld& /*world*/,
                                            std::shared_ptr<const Settings> /*settings*/) {
  return std::make_unique<RejectKind>();
}

}  // namespace delivery
