#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The values of the parameters of DSN [RFC3461 4]. nullopt: it has another form.
namespace smtp {

/// In octets, of a value as it comes [RFC3461 5.4].
inline constexpr std::size_t envid_octets_max = 100;
inline constexpr std::size_t orcpt_octets_max = 500;

///     notify-esmtp-value  = "NEVER" / 1#notify-list-element        [RFC3461 4.1]
///     notify-list-element = "SUCCESS" / "FAILURE" / "DELAY"        [RFC3461 4.1]
///
/// In any case; as bits of grammar::notify.
[[nodiscard]] std::optional<std::uint8_t> parse_notify(std::string_view value);

/// What ORCPT says, as it stands there: it is passed on so.
///
///     original-recipient-address = addr-type ";" xtext             [RFC3461 4.2]
///     addr-type = atom                                             [RFC3461 4.2]
///     … = "utf-8" ";" ( utf-8-addr-xtext / utf-8-addr-unitext )    [RFC6533 3]
///
/// `smtputf8`: MAIL had that parameter, so that unitext may come. What is encoded must be
/// printable, since it goes into reports.
[[nodiscard]] std::optional<std::string> parse_orcpt(std::string_view value, bool smtputf8);

///     ret-value = "FULL" / "HDRS"                                  [RFC3461 4.3]
///
/// 1 FULL, 2 HDRS.
[[nodiscard]] std::optional<std::uint8_t> parse_ret(std::string_view value);

/// Decoded from xtext; printable ASCII [RFC3461 4.4].
[[nodiscard]] std::optional<std::string> parse_envid(std::string_view value);

}  // namespace smtp
