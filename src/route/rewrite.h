#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "grammar/mailbox.h"

namespace route {

/// How a gateway's addresses carry the address behind it, in their local-part.
enum class Rewrite : std::uint8_t {
  none,
  percent,  ///< `user%host@gateway` stands for `user@host` [RFC1123 5.2.16].
  bang,     ///< `host!user@gateway` stands for `user@host`: UUCP's way [RFC976 2.4].
};

[[nodiscard]] std::string_view to_string(Rewrite rewrite);

/// The address that a gateway's address stands for, or nullopt: it is an ordinary one. One step and
/// no more: `user%b%a@gateway` is `user%b@a`, `a!b!user@gateway` is `b!user@a`, and what is left is
/// for the host `a` to read. The host is a name, never an address literal.
[[nodiscard]] std::optional<grammar::Mailbox> rewritten(Rewrite rewrite,
                                                        const grammar::Mailbox& mailbox);

}  // namespace route
