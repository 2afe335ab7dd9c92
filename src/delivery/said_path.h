#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "delivery/settings.h"
#include "grammar/source_route.h"
#include "spool/types.h"

// What a next hop hears as the paths of a recipient.
namespace delivery {

/// Whether a name in a source route is one of this host's: `hostname`, or a domain of ours. The
/// settings must outlive it.
[[nodiscard]] grammar::IsOurs names_of_ours(const Settings& settings);

/// Two recipients of one message that are said with the same reverse-path: one transaction may have
/// both.
[[nodiscard]] bool same_reverse_path(const spool::Envelope& envelope, std::uint32_t a,
                                     std::uint32_t b);

/// The reverse-path for a recipient, printed. With `reverse_routes` it has us in front for one that
/// travels by a source route, unless the next hop (a key) is where its journey ends.
[[nodiscard]] std::string said_reverse_path(const Settings& settings,
                                            const spool::Envelope& envelope,
                                            std::uint32_t recipient, std::string_view next_hop);

/// The forward-path and the ORCPT of a recipient.
struct SaidRecipient {
  std::string forward_path;  ///< Printed.
  std::string orcpt;
};
/// At a gateway (Rule::rewrite) the address behind it; then its ORCPT tells the one that was given
/// [RFC3461 4.2]. `reroute`: the operator's, or empty.
[[nodiscard]] SaidRecipient said_recipient(const Settings& settings,
                                           const spool::Envelope& envelope, std::uint32_t recipient,
                                           std::string_view reroute);

}  // namespace delivery
