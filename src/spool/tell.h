#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "spool/recovery.h"
#include "spool/store.h"
#include "spool/types.h"

namespace spool {

/// Recipients whose attempt was cut off.
using Unknown = std::unordered_map<base::MessageId, std::vector<std::uint32_t>>;
[[nodiscard]] Unknown unknown_of(const Recovery& recovery);

/// Tells all messages of the table, in the order of the log, and counts them. Damage goes to
/// `on_damage`, and does not stop it.
[[nodiscard]] base::Io<> tell(Store& store, RecoverySink& sink, const Unknown& unknown,
                              Recovered& out,
                              const std::function<void(const DamageBody&)>& on_damage);

}  // namespace spool
