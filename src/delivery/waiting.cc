#include "delivery/waiting.h"

#include <algorithm>

#include "delivery/routing.h"

namespace delivery {

namespace {

bool is_untouched(const spool::Envelope& envelope, const spool::RecipientStatus& status) {
  return status.state == spool::RecipientState::ready && status.attempts == 0 &&
         status.next_attempt <= envelope.received;
}

}  // namespace

bool waits_for_etrn(const Settings& settings, const route::Decision& decision,
                    const spool::Envelope& envelope, const spool::RecipientStatus& status) {
  return is_untouched(envelope, status) && settings.etrn.contains(decision.domain);
}

bool waits_for_etrn(const Settings& settings, const spool::Envelope& envelope,
                    std::uint32_t recipient, const spool::RecipientStatus& status) {
  if (settings.etrn.empty() || !is_untouched(envelope, status)) return false;
  const auto decision = Routing(settings, envelope).decide(recipient, status);
  return decision && waits_for_etrn(settings, *decision, envelope, status);
}

base::WallTime release_time(const spool::Envelope& envelope, base::WallTime now) {
  return std::max(now, envelope.received + std::chrono::milliseconds(1));
}

}  // namespace delivery
