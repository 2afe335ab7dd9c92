#pragma once

#include <string>
#include <string_view>

#include "dsn/report.h"

namespace dsn {

/// The Status field of a recipient: its own status, else that of the reply if that fits the kind,
/// else what the kind says by itself.
[[nodiscard]] std::string effective_status(const RecipientReport& recipient);

/// What a status means, as a sentence for people; empty if there is nothing to say beyond the
/// reply.
[[nodiscard]] std::string_view explain_status(std::string_view status);

/// A reply of an SMTP server: begins with three digits [RFC5321 4.2].
[[nodiscard]] bool is_reply(std::string_view text);

}  // namespace dsn
