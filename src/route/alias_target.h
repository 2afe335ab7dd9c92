#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "route/target.h"

namespace route {

/// Where mail goes that an alias leads to a program or a file:
///
///     |/PROGRAM ARGUMENTS   pipe:
///     /FILE                 mbox:
///     /DIR/                 maildir:
///     /dev/null             discard:
///
/// The error is for people.
[[nodiscard]] std::expected<Target, std::string> parse_alias_target(std::string_view text);

}  // namespace route
