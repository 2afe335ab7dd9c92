#include "delivery/local_content.h"
#include "delivery/local_kind.h"
#include "delivery/maildir.h"
#include "engine/run_on.h"

namespace delivery {

using base::Io;

namespace {

class MaildirKind final : public LocalKind {
 public:
  MaildirKind(const DeliveryWorld& world, std::shared_ptr<const Settings> settings)
      : world_(world), settings_(std::move(settings)) {}

  base::Task<> deliver(std::list<Parcel>& batch) override;

 private:
  using Results = Io<std::vector<Io<>>>;

  /// Coroutines keep what they are given by value: it must live on the other loop.
  static base::Task<Results> deliver_there(sys::Disk& disk, std::vector<MaildirItem> items) {
    co_return co_await deliver_batch(disk, std::move(items));
  }

  const DeliveryWorld& world_;
  std::shared_ptr<const Settings> settings_;
};

base::Task<> MaildirKind::deliver(std::list<Parcel>& batch) {
  LocalContents contents(world_.spool);
  std::vector<MaildirItem> items;
  for (Parcel& parcel : batch) {
    if (parcel.targets.empty() || !contents.read(parcel)) continue;
    std::erase_if(parcel.targets, [&](const LocalTarget& target) {
      auto folder = mailbox_directory(target.where.argument, target.mailbox.local.value(),
                                      target.mailbox.domain.text());
      if (!folder) {
        parcel.conclude(target, dsn::Outcome::bounced, "550 5.1.1 no such mailbox is possible");
        return true;
      }
      items.push_back({.directory = std::move(*folder),
                       .unique_name = base::to_string(parcel.letter.id) + "." +
                                      std::to_string(target.recipient) + "." + settings_->hostname,
                       .pieces = contents.pieces(parcel, target)});
      return false;
    });
  }
  Results delivered = std::vector<Io<>>();
  if (!items.empty()) {
    delivered = co_await engine::run_on(world_.mailbox_loop, world_.loop,
                                        deliver_there(world_.mailbox_disk, std::move(items)));
  }
  std::size_t at = 0;
  for (Parcel& parcel : batch) {
    for (const LocalTarget& target : parcel.targets) {
      parcel.conclude(target, delivered ? (*delivered)[at++] : std::unexpected(delivered.error()));
    }
  }
}

}  // namespace

std::unique_ptr<LocalKind> make_maildir_kind(const DeliveryWorld& world,
                                             std::shared_ptr<const Settings> settings) {
  return std::make_unique<MaildirKind>(world, std::move(settings));
}

}  // namespace delivery
