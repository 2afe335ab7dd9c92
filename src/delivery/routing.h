#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "delivery/settings.h"
#include "grammar/path.h"
#include "route/decide.h"
#include "route/origin.h"
#include "spool/types.h"

namespace delivery {

/// Decides where the recipients of one message go next, with everything that a decision rests on:
/// the operator's `reroute`, and where the message comes from. Settings and envelope must outlive
/// it.
class Routing {
 public:
  Routing(const Settings& settings, const spool::Envelope& envelope);
  Routing(const Routing&) = delete;
  Routing& operator=(const Routing&) = delete;

  /// Nullopt: the forward-path is none (a record of another version).
  [[nodiscard]] std::optional<route::Decision> decide(std::uint32_t recipient,
                                                      const spool::RecipientStatus& status,
                                                      route::Steps steps = nullptr) const;
  /// The same for a path that has been parsed. `trusted`: as in spool::Recipient.
  [[nodiscard]] route::Decision decide(const grammar::ForwardPath& path, bool trusted,
                                       std::string_view reroute,
                                       route::Steps steps = nullptr) const;

 private:
  const Settings& settings_;
  const spool::Envelope& envelope_;
  route::Origin origin_;
};

/// Where mail to a program or file goes that an alias leads to. Nowhere (`reject:`) if the alias
/// does not lead there any more: what the configuration allows counts at each attempt.
[[nodiscard]] route::Decision decide_by_alias(const grammar::ForwardPath& alias,
                                              const std::string& text,
                                              const directory::Snapshot& directory,
                                              route::Steps steps = nullptr);

}  // namespace delivery
