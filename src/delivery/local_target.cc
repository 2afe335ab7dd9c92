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
    const spool::Recipient& to = envelope.recipients[recipient];
    const auto path = grammar::ForwardPath::parse(to.forward_path);
    directory::Resolution found{.kind = Kind::unknown};
    if (path) {
      auto decision = *routing.decide(recipient, parcel.letter.statuses[recipient]);
      target.where = std::move(decision.target);
      target.rewritten = decision.rewritten.has_value();
      target.mailbox = target.rewritten ? std::move(*decision.rewritten) : path->mailbox;
      if (to.target.empty()) found = settings.directory->resolve(path->mailbox);
    }
    if (found.kind == Kind::unknown && must_exist && to.target.empty()) {
      parcel.conclude(target, dsn::Outcome::bounced, "550 5.1.1 no such mailbox here any more");
      continue;
    }
    if (found.kind == Kind::mailbox && !target.rewritten) {
      target.mailbox = std::move(found.mailbox);
      target.detail = std::move(found.detail);
      if (found.user != nullptr) target.system_user = found.user->system_user;
    }
    parcel.targets.push_back(std::move(target));
  }
}

std::string final_fields(const Parcel& parcel, const LocalTarget& target) {
  return "Return-Path: " + reverse_path_of(*parcel.letter.envelope, target.recipient) +
         "\r\nDelivered-To: " + target.mailbox.print() + "\r\n";
}

}  // namespace delivery
