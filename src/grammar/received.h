#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/time.h"

namespace grammar {

struct ForwardPath;

/// How a message came [RFC3848 1] [RFC6531 4.3].
struct Protocol {
  bool lmtp = false;
  bool extended = false;  ///< EHLO was used. LMTP always is.
  bool smtputf8 = false;  ///< MAIL had SMTPUTF8.
  bool tls = false;
  bool authenticated = false;
};

/// `SMTP`, `ESMTPSA`, `UTF8SMTPS`, `LMTP`, …
[[nodiscard]] std::string protocol_name(const Protocol& protocol);

/// What our Received field tells. Text of the peer may be anything: what is not fit is replaced.
struct ReceivedParts {
  std::string_view helo = {};                  ///< The argument of HELO or EHLO.
  std::optional<base::IpAddress> client = {};  ///< nullopt: not by TCP; there is no from clause.
  std::string_view by;                         ///< Our hostname.
  std::string_view with = {};                  ///< See protocol_name; may be empty.
  std::string_view tls = {};     ///< "TLSv1.3, TLS_AES_256_GCM_SHA384", as a comment; or empty.
  std::string_view origin = {};  ///< Of local mail: "uid 1000", as a comment; or empty.
  std::string_view id;
  /// Only when it is the only recipient: others must not learn of each other [RFC5321 7.2].
  const ForwardPath* recipient = nullptr;
  base::WallTime date;
};

/// The whole field, folded within 78 octets where possible, with its CRLF; ASCII [RFC5321 4.4].
///
/// A HELO argument that is no domain goes into a comment, and the address stands in its place. A
/// recipient with a local-part that is not ASCII is left out: it would make the message need
/// SMTPUTF8.
[[nodiscard]] std::string received_field(const ReceivedParts& parts);

/// In octets, of a HELO argument in a comment.
inline constexpr std::size_t helo_comment_octets_max = 100;

}  // namespace grammar
