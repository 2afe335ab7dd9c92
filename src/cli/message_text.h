#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace cli {

/// What a file holds as the content of a message: its lines end in CRLF or LF, here in CRLF, the
/// last one, too. The error is for people: a CR without LF, which no line of a message may hold
/// [RFC5321 2.3.8].
[[nodiscard]] std::expected<std::string, std::string> normalize_message(std::string_view text);

/// There is an octet beyond US-ASCII before the first empty line. `content` as normalised.
[[nodiscard]] bool has_8bit_header(std::string_view content);

}  // namespace cli
