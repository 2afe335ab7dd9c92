#pragma once

#include "base/ascii.h"
#include "base/escape.h"
#include "grammar/parse.h"

namespace grammar {

/// Steps over one character beyond ASCII, which must come next.
///
/// Deviates: [RFC6532 3.1] lets C1 controls in; we refuse them, since they move terminals.
///
/// Errors: non_ascii, bad_utf8.
[[nodiscard]] inline ParseResult<void> take_non_ascii(Cursor& in, PathRules rules) {
  if (!rules.smtputf8) return in.fail(ParseErrorCode::non_ascii);
  const std::string_view rest = in.rest();
  const std::size_t octets = base::utf8_sequence(rest);
  const bool is_c1 = octets == 2 && rest[0] == '\xc2' && static_cast<unsigned char>(rest[1]) < 0xa0;
  if (octets == 0 || is_c1) return in.fail(ParseErrorCode::bad_utf8);
  in.skip(octets);
  return {};
}

[[nodiscard]] inline bool next_is_non_ascii(const Cursor& in) {
  const std::optional<char> next = in.peek();
  return next && !base::is_ascii(*next);
}

}  // namespace grammar
