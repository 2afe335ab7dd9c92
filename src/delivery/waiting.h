#pragma once

#include <cstdint>

#include "delivery/settings.h"
#include "route/decide.h"
#include "spool/types.h"

namespace delivery {

/// Mail of a domain of `etrn.domains` that nobody has asked for yet [RFC1985]. What has once been
/// released is tried as all mail is: by its status it was due later than at its arrival.
[[nodiscard]] bool waits_for_etrn(const Settings& settings, const route::Decision& decision,
                                  const spool::Envelope& envelope,
                                  const spool::RecipientStatus& status);
/// The same, of a recipient of a message.
[[nodiscard]] bool waits_for_etrn(const Settings& settings, const spool::Envelope& envelope,
                                  std::uint32_t recipient, const spool::RecipientStatus& status);

/// When what is released is due, so that it counts as released, whatever our clock says.
[[nodiscard]] base::WallTime release_time(const spool::Envelope& envelope, base::WallTime now);

}  // namespace delivery
