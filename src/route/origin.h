#pragma once

#include <optional>
#include <string_view>

#include "base/address.h"
#include "grammar/mailbox.h"

namespace route {

/// Where a message comes from, as far as rules ask.
struct Origin {
  /// nullopt: the null reverse-path. Empty: not known, so that only `*` matches.
  std::optional<grammar::Mailbox> sender;
  std::optional<base::IpAddress> client;  ///< nullopt: made here, or by a Unix socket.
  std::string_view user;                  ///< Who logged in; empty: nobody.
};

}  // namespace route
