#pragma once

#include <optional>
#include <string_view>

#include "grammar/parse.h"

namespace smtp {

/// One parameter of MAIL or RCPT. Refers to the command line.
struct Parameter {
  std::string_view keyword;               ///< In any case.
  std::optional<std::string_view> value;  ///< Never empty.
};

/// Takes one parameter off the front, leaving `in` at the first octet after it: a space or the end.
/// nullopt: it has another form.
///
///     esmtp-param   = esmtp-keyword ["=" esmtp-value]             [RFC5321 4.1.2]
///     esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")      [RFC5321 4.1.2]
///     esmtp-value   = 1*(%d33-60 / %d62-126)                      [RFC5321 4.1.2]
///     esmtp-value   =/ UTF8-non-ascii                             [RFC6531 3.3]
[[nodiscard]] std::optional<Parameter> take_parameter(grammar::Cursor& in, bool smtputf8 = false);

}  // namespace smtp
