#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace grammar {

/// Entities within entities, the message itself included.
inline constexpr std::size_t mime_depth_max = 20;

/// Makes of a content one for a next hop without 8BITMIME [RFC6152 3]: each leaf that has octets
/// beyond US-ASCII becomes quoted-printable or base64, whichever is shorter, and its
/// Content-Transfer-Encoding says so; around it `8bit` becomes `7bit`. Everything else stays as it
/// is, octet by octet: header fields, delimiters, preambles, and parts that are US-ASCII. Decoded,
/// the new content is the old one.
///
/// Only well-formed MIME that nobody has signed is converted. Nullopt:
///   - no MIME-Version, or a Content-Type or Content-Transfer-Encoding that is malformed or
///   doubled;
///   - octets beyond US-ASCII in a header section, a preamble or an epilogue, or in what claims to
///   be
///     quoted-printable, base64 or of an unknown encoding;
///   - multipart/signed and multipart/encrypted [RFC1847 2.1], message/partial and others that may
///     not be encoded [RFC2046 5.2], when such octets are in them;
///   - DKIM-Signature, DomainKey-Signature or ARC fields: they would not verify any more;
///   - a multipart without its delimiters, a line that only begins as one, or entities deeper than
///     mime_depth_max.
///
/// In memory: the content and the result, which is less than 1.5 times as long, beside 100 octets
/// for each part.
[[nodiscard]] std::optional<std::string> to_seven_bit(std::string_view content);

}  // namespace grammar
