#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

// What the messages of SCRAM are made of [RFC5802 7], for both ends.
namespace sasl {

/// In octets, of the part of the nonce that the other side gives.
inline constexpr std::size_t nonce_octets_max = 256;

/// Takes text up to the next comma, or the end, off the front, the comma too.
[[nodiscard]] std::string_view take_item(std::string_view& rest);
/// The value of an item `key=value`; nullopt: it is another.
[[nodiscard]] std::optional<std::string_view> value_of(std::string_view item, char key);

///     saslname = 1*(value-safe-char / "=2C" / "=3D")        [RFC5802 7]
///
/// Deviates: no SASLprep, as in PLAIN.
[[nodiscard]] std::optional<std::string> parse_saslname(std::string_view text);
[[nodiscard]] std::string print_saslname(std::string_view name);

///     c-nonce = printable = %x21-2B / %x2D-7E        [RFC5802 7], one or more
[[nodiscard]] bool is_nonce(std::string_view text);

}  // namespace sasl
