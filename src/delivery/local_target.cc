#include "delivery/local_target.h"

#include <utility>

#include "delivery/routing.h"
#include "directory/snapshot.h"

namespace delivery {

using Kind = directory::Resolution::Kind;

void find_targets(Parcel& parcel, const Settings& settings, bool must_exist) {
  const spool::Envelope& envelope = *parcel.letter.envelope;
  const Routing routing(settings, envelope);
  for (const std::uint32_t recipient : parcel.entry->recipients) {
    LocalTarget target{.recipient = recipient};
    const auto path = grammar::ForwardPath::parse(envelope.recipients[recipient].forward_path);
    directory::Resolution found{.kind = Kind::unknown};
    if (path) {
      const spool::RecipientStatus& status = parcel.letter.statuses[recipient];
      target.where = routing.decide(*path, status.reroute).target;
      target.mailbox = path->mailbox;
      found = settings.directory->resolve(path->mailbox);
    }
    if (found.kind == Kind::unknown && must_exist) {
      parcel.conclude(target, dsn::Outcome::bounced, "550 5.1.1 no such mailbox here any more");
      continue;
    }
    if (found.kind == Kind::mailbox) {
      target.mailbox = std::move(found.mailbox);
      target.detail = std::move(found.detail);
      if (found.user != nullptr) target.system_user = found.user->system_user;
    }
    parcel.targets.push_back(std::move(target));
  }
}

std::string final_fields(const Parcel& parcel, const LocalTarget& target) {
  return "Return-Path: " + parcel.letter.envelope->reverse_path +
         "\r\nDelivered-To: " + target.mailbox.print() + "\r\n";
}

}  // namespace delivery
