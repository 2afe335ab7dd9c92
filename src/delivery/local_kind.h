#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "delivery/delivery.h"
#include "grammar/mailbox.h"
#include "route/target.h"

// The ways in which a message's journey ends here, each in a file of its own.
namespace delivery {

/// Where one recipient's copy goes.
struct LocalTarget {
  std::uint32_t recipient = 0;
  route::Target where;       ///< The route's target; its argument still has its braces.
  grammar::Mailbox mailbox;  ///< In its own spelling; of other domains, as it was given.
  std::string detail;        ///< Behind the plus.
  std::string system_user;   ///< Whose home the mailbox is in; empty: nobody's.
  bool rewritten = false;    ///< `mailbox` is the address behind a gateway (route::Rule::rewrite).
};

/// One message for this next hop, and what has become of it.
struct Parcel {
  std::unique_ptr<queue::Entry> entry;
  Letter letter;
  std::list<LocalTarget> targets;  ///< Of the recipients that have no result yet.
  std::vector<Result> results;

  void conclude(const LocalTarget& target, dsn::Outcome outcome, std::string reply,
                std::string status = {});
  /// The same for every target.
  void conclude(dsn::Outcome outcome, const std::string& reply, const std::string& status = {});
  /// As the disk has said.
  void conclude(const LocalTarget& target, const base::Io<>& stored);
  /// An earlier attempt for the recipient may have gone some way.
  [[nodiscard]] bool may_be_repeated(const LocalTarget& target) const;
};

/// What the originator is told when the disk, or the quota of whose mailbox it is, has no room.
[[nodiscard]] std::string mailbox_full(const base::IoError& error);

class LocalKind {
 public:
  virtual ~LocalKind() = default;

  /// Concludes each target of each parcel.
  [[nodiscard]] virtual base::Task<> deliver(std::list<Parcel>& batch) = 0;
};

/// What is to be known of a kind before there is one.
struct LocalKindInfo {
  std::string_view scheme;  ///< With its colon: how the keys of its next hops begin.
  // What is taken from the queue at once.
  std::size_t messages_max = 256;
  std::size_t octets_max = std::size_t{16} << 20;  ///< One message may go beyond it.
  /// A message for several recipients is taken apart, so that each has an outcome of its own as
  /// soon as it is known.
  bool one_recipient = false;
  bool into_mailboxes = true;  ///< The mailbox must be there.
  std::unique_ptr<LocalKind> (*make)(const DeliveryWorld&, std::shared_ptr<const Settings>);
};

/// By the key of a next hop; nullptr: it is not here.
[[nodiscard]] const LocalKindInfo* find_local_kind(std::string_view key);

/// `world` must outlive them.
[[nodiscard]] std::unique_ptr<LocalKind> make_maildir_kind(const DeliveryWorld& world,
                                                           std::shared_ptr<const Settings>);
[[nodiscard]] std::unique_ptr<LocalKind> make_mbox_kind(const DeliveryWorld& world,
                                                        std::shared_ptr<const Settings>);
[[nodiscard]] std::unique_ptr<LocalKind> make_home_kind(const DeliveryWorld& world,
                                                        std::shared_ptr<const Settings>);
[[nodiscard]] std::unique_ptr<LocalKind> make_pipe_kind(const DeliveryWorld& world,
                                                        std::shared_ptr<const Settings>);
[[nodiscard]] std::unique_ptr<LocalKind> make_discard_kind(const DeliveryWorld& world,
                                                           std::shared_ptr<const Settings>);
[[nodiscard]] std::unique_ptr<LocalKind> make_reject_kind(const DeliveryWorld& world,
                                                          std::shared_ptr<const Settings>);

}  // namespace delivery
