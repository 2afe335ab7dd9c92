#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace grammar {

// What a transfer agent needs to know of MIME. The views refer to nothing that is kept.

/// The value of a Content-Type field [RFC2045 5.1].
struct MediaType {
  std::string type = "text";      ///< In lower case, as is the subtype.
  std::string subtype = "plain";  ///< The defaults are those of [RFC2045 5.2].
  std::vector<std::pair<std::string, std::string>> parameters;  ///< Names in lower case.

  [[nodiscard]] bool is(std::string_view wanted_type, std::string_view wanted_subtype) const {
    return type == wanted_type && subtype == wanted_subtype;
  }
  /// The first one of that name, which is in lower case; nullptr: none.
  [[nodiscard]] const std::string* find(std::string_view name) const;

  friend bool operator==(const MediaType&, const MediaType&) = default;
};

/// Reads the value of a Content-Type field, folded or not; nullopt: it is malformed.
///
///     content   = type "/" subtype *( ";" attribute "=" value )        [RFC2045 5.1]
///     attribute = token                                                [RFC2045 5.1]
///     value     = token / quoted-string                                [RFC2045 5.1]
///
/// Deviates: a `;` without a parameter behind it is let pass, since it is seen.
[[nodiscard]] std::optional<MediaType> parse_media_type(std::string_view value);

enum class TransferEncoding : std::uint8_t {
  seven_bit,
  eight_bit,
  binary,
  quoted_printable,
  base64,
  other,
};

/// Reads the value of a Content-Transfer-Encoding field [RFC2045 6.1]; nullopt: it is malformed.
[[nodiscard]] std::optional<TransferEncoding> parse_transfer_encoding(std::string_view value);

/// In octets [RFC2046 5.1.1].
inline constexpr std::size_t boundary_octets_max = 70;

/// One look at the body of a multipart entity.
struct MultipartPiece {
  /// Before the next delimiter, without the CRLF that belongs to it. A part begins with the line
  /// end of the delimiter before it, or is empty: then its CRLF is that of the next one.
  std::string_view text;
  /// The next delimiter, from that CRLF (the first one may have none) to before its line end.
  std::string_view delimiter;
  bool closing = false;  ///< It is the last one.
};

/// Walks the body of a multipart entity: first comes the preamble, then the parts, and after the
/// piece that is closing, rest() is the epilogue.
///
///     MultipartPieces pieces(body, boundary);
///     while (const auto piece = pieces.next()) …
///
/// Bounded by the body; copies nothing.
class MultipartPieces {
 public:
  MultipartPieces(std::string_view body, std::string_view boundary);

  /// Nullopt: there is no other delimiter, or a line that begins as one and goes on
  /// [RFC2046 5.1.1]: nobody knows how another reader takes it.
  [[nodiscard]] std::optional<MultipartPiece> next();
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  std::string delimiter_;  ///< CRLF "--" boundary.
  bool at_start_ = true;
};

}  // namespace grammar
