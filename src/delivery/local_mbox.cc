#include "delivery/local_content.h"
#include "delivery/local_kind.h"
#include "delivery/maildir.h"
#include "delivery/mbox.h"
#include "delivery/mbox_text.h"
#include "engine/run_on.h"

namespace delivery {

using base::Io;

namespace {

class MboxKind final : public LocalKind {
 public:
  explicit MboxKind(const DeliveryWorld& world) : world_(world) {}

  base::Task<> deliver(std::list<Parcel>& batch) override;

 private:
  using Results = Io<std::vector<Io<>>>;

  /// Coroutines keep what they are given by value: it must live on the other loop.
  static base::Task<Results> deliver_there(sys::Disk& disk, sys::Loop& loop,
                                           std::vector<MboxItem> items) {
    co_return co_await deliver_to_mbox(disk, loop, std::move(items));
  }
  void pack(Parcel& parcel, LocalContents& contents, std::vector<MboxItem>& items);
  [[nodiscard]] base::Task<> begin(Parcel& parcel);

  const DeliveryWorld& world_;
};

void MboxKind::pack(Parcel& parcel, LocalContents& contents, std::vector<MboxItem>& items) {
  std::erase_if(parcel.targets, [&](const LocalTarget& target) {
    auto file = mailbox_directory(target.where.argument, target.mailbox.local.value(),
                                  target.mailbox.domain.text());
    if (!file) {
      parcel.conclude(target, dsn::Outcome::bounced, "550 5.1.1 no such mailbox is possible");
      return true;
    }
    const spool::Envelope& envelope = *parcel.letter.envelope;
    items.push_back(
        {.file = std::move(*file),
         .separator = mbox_separator(address_of_path(reverse_path_of(envelope, target.recipient)),
                                     envelope.received),
         .pieces = contents.pieces(parcel, target),
         .repeated = parcel.may_be_repeated(target)});
    return false;
  });
}

/// Unlike in a Maildir, a message may be doubled (P4).
base::Task<> MboxKind::begin(Parcel& parcel) {
  std::vector<std::uint32_t> recipients;
  for (const LocalTarget& target : parcel.targets) recipients.push_back(target.recipient);
  if (recipients.empty()) co_return;
  const Io<> begun = co_await world_.spool.attempt_begun(parcel.letter.id, recipients);
  if (begun) co_return;
  parcel.conclude(dsn::Outcome::deferred, base::describe(begun.error()));
  parcel.targets.clear();
}

base::Task<> MboxKind::deliver(std::list<Parcel>& batch) {
  LocalContents contents(world_.spool);
  std::vector<MboxItem> items;
  for (Parcel& parcel : batch) {
    co_await begin(parcel);
    if (parcel.targets.empty() || !contents.read(parcel)) continue;
    pack(parcel, contents, items);
  }
  Results delivered = std::vector<Io<>>();
  if (!items.empty()) {
    delivered = co_await engine::run_on(
        world_.mailbox_loop, world_.loop,
        deliver_there(world_.mailbox_disk, world_.mailbox_loop, std::move(items)));
  }
  std::size_t at = 0;
  for (Parcel& parcel : batch) {
    for (const LocalTarget& target : parcel.targets) {
      parcel.conclude(target, delivered ? (*delivered)[at++] : std::unexpected(delivered.error()));
    }
  }
}

}  // namespace

std::unique_ptr<LocalKind> make_mbox_kind(const DeliveryWorld& world,
                                          std::shared_ptr<const Settings> /*settings*/) {
  return std::make_unique<MboxKind>(world);
}

}  // namespace delivery
