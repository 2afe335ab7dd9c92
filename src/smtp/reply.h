#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace smtp {

/// Of one reply line with its CRLF, in octets [RFC5321 4.5.3.1.5].
inline constexpr std::size_t reply_line_octets_max = 512;

/// An enhanced mail system status code [RFC3463 2], as `5.1.1`.
struct EnhancedStatus {
  std::uint8_t class_digit =
      0;                      ///< 2 success, 4 persistent transient failure, 5 permanent failure.
  std::uint16_t subject = 0;  ///< 0 to 999.
  std::uint16_t detail = 0;   ///< 0 to 999.

  friend bool operator==(const EnhancedStatus&, const EnhancedStatus&) = default;
};

/// `5.1.1`
[[nodiscard]] std::string to_string(EnhancedStatus status);

/// Parses the whole of `text`.
[[nodiscard]] std::optional<EnhancedStatus> parse_enhanced_status(std::string_view text);

/// Takes a status code and the spaces behind it off the front of `text`, if there is one that ends
/// there or before a space; otherwise leaves `text` as it is.
[[nodiscard]] std::optional<EnhancedStatus> take_enhanced_status(std::string_view& text);

/// A reply of a server to a command [RFC5321 4.2], ours or a peer's.
struct Reply {
  int code = 0;  ///< 200 to 599.
  std::optional<EnhancedStatus> enhanced;
  /// Without codes. Lines are separated by '\n' (there is no CR), and may be empty. Of a peer: as
  /// it came, with any other octet in it.
  std::string text;

  friend bool operator==(const Reply&, const Reply&) = default;

  [[nodiscard]] bool is_positive() const { return code / 100 == 2; }      ///< 2yz
  [[nodiscard]] bool is_intermediate() const { return code / 100 == 3; }  ///< 3yz
  [[nodiscard]] bool is_transient() const { return code / 100 == 4; }     ///< 4yz
  [[nodiscard]] bool is_permanent() const { return code / 100 == 5; }     ///< 5yz
};

/// Appends the reply as it goes over the wire: `550-5.1.1 first<CRLF>550 5.1.1 second<CRLF>`, with
/// the enhanced code on each line [RFC2034 4]. Octets that may not stand in a textstring
/// [RFC5321 4.2] become '?'; what would make a line longer than reply_line_octets_max is cut.
void append_wire(const Reply& reply, std::string& out);

/// For logs and lists: `451 4.3.0 come back`, lines joined by spaces, controls escaped.
[[nodiscard]] std::string one_line(const Reply& reply);

}  // namespace smtp
