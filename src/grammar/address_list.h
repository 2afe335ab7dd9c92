#pragma once

#include <string_view>
#include <vector>

#include "grammar/mailbox.h"

namespace grammar {

/// Reads the addresses of a To, Cc or Bcc field, unfolded or not, or of a command line.
///
///     address-list = (address *("," address)) / obs-addr-list     [RFC5322 3.4]
///     address      = mailbox / group
///     mailbox      = name-addr / addr-spec
///     group        = display-name ":" [group-list] ";" [CFWS]
///
/// With comments, folding white space around every token, empty members and source routes as the
/// obsolete syntax has them [RFC5322 4.4], and UTF-8 [RFC6532 3.2]. Display names, groups, comments
/// and routes are left out of the result; each address stands in it as often as in the text.
///
/// Deviates: an address may be a local-part alone, as users of sendmail(8) write it: its domain is
/// then empty.
///
/// Errors: those of a local-part and a domain; unclosed_quoted_string, unexpected_character (also
/// at the parenthesis of a comment without end, and at the end of a group without semicolon),
/// missing_right_angle, missing_colon (of a source route), null_forward_path (`<>`).
[[nodiscard]] ParseResult<std::vector<Mailbox>> parse_address_list(std::string_view text);

}  // namespace grammar
