#pragma once

#include <expected>
#include <string>
#include <vector>

#include "cli/options.h"

namespace cli {

/// What only the sendmail front ends with [sysexits(3)].
inline constexpr int ex_usage = 64;        ///< Wrong flags; nobody to send to.
inline constexpr int ex_dataerr = 65;      ///< The message or an address is wrong.
inline constexpr int ex_nouser = 67;       ///< A recipient was refused.
inline constexpr int ex_unavailable = 69;  ///< The message was refused.
inline constexpr int ex_ioerr = 74;        ///< Stdin could not be read.
inline constexpr int ex_tempfail = 75;     ///< Not queued; to be tried again.
inline constexpr int ex_config = 78;       ///< The configuration is wrong.

/// Whether the program was called by a name of sendmail(8): sendmail, mailq, newaliases.
[[nodiscard]] bool is_sendmail_name(const std::string& program);

/// The flags of the family; what has no meaning here is taken and ignored. `program`: the name it
/// was called by. The error is for people; wrong usage.
[[nodiscard]] std::expected<SendmailOptions, std::string> parse_sendmail(
    const std::string& program, const std::vector<std::string>& arguments);

}  // namespace cli
