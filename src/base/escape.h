#pragma once

#include <string>
#include <string_view>

namespace base {

/// Text of a peer made harmless for logs, lists and terminals: printable ASCII and well-formed
/// UTF-8 stay; controls (C1 ones, too), DEL and octets that are not UTF-8 become `\xNN`.
/// At most `octets_max` octets of `text` are shown, then "…".
[[nodiscard]] std::string escaped(std::string_view text, std::size_t octets_max = 2'048);

/// `text` as a JSON string with its quotes [RFC8259 7]; not well-formed UTF-8 becomes U+FFFD.
[[nodiscard]] std::string json_quoted(std::string_view text);

/// Length of the well-formed UTF-8 sequence at the front of `text` [RFC3629 4]; 0 if there is none.
[[nodiscard]] std::size_t utf8_sequence(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace base
