#pragma once

#include <string>
#include <string_view>

#include "grammar/parse.h"

namespace grammar {

/// Writes any octets in printable ASCII without space, `+` and `=` [RFC3461 4].
[[nodiscard]] std::string xtext_encode(std::string_view octets);

/// The octets that xtext stands for. They may be anything, NUL and line ends included: check them.
///
///     xtext   = *( xchar / hexchar )                              [RFC3461 4]
///     hexchar = "+" two upper-case hexadecimal digits             [RFC3461 4]
///
/// Errors: bad_xtext, at the octet that is none of these.
[[nodiscard]] ParseResult<std::string> xtext_decode(std::string_view text);

}  // namespace grammar
