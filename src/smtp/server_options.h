#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace smtp {

/// Beyond these a session gets 421 and is closed. Nobody who only makes a few mistakes reaches
/// them. All but failed_auths count since the last accepted message.
struct AbuseLimits {
  unsigned bad_commands = 20;            ///< Refused with 5yz by the session itself.
  unsigned refused_recipients = 30;      ///< With 5yz by the driver.
  unsigned failed_auths = 5;             ///< With 5yz by the driver.
  unsigned commands_without_mail = 100;  ///< Of any kind but RCPT, DATA and QUIT.
};

/// What a listener is. One object may serve many sessions, and must outlive them.
struct ServerOptions {
  std::string hostname;
  std::uint64_t message_size = 50u << 20;  ///< In octets of content.
  std::size_t recipients = 1'000;          ///< Of one transaction.
  base::Duration idle_timeout = std::chrono::minutes(5);

  bool lmtp = false;         ///< LHLO, and one reply for each recipient [RFC2033 4].
  bool tls_at_once = false;  ///< submissions: the connection begins in TLS.
  bool starttls = false;     ///< There is a certificate. Not offered within TLS.

  /// What AUTH offers, in upper case; empty on an mx listener: AUTH is then out of order.
  std::vector<std::string> auth_mechanisms;
  bool auth_without_tls = false;  ///< The sandbox alone: otherwise passwords need TLS.
  bool require_auth = false;      ///< submission: MAIL is for authenticated clients.

  bool etrn = false;  ///< Offered; who may say it is the driver's to know.

  AbuseLimits abuse;
};

/// In octets. Content that is refused anyway (too large, or with a bare CR or LF) is read to its
/// end for the sake of a clean reply, but so far beyond `message_size` and no farther.
inline constexpr std::uint64_t refused_content_octets_max = 256u << 20;

/// In octets of content that must arrive within `idle_timeout`.
inline constexpr std::size_t content_progress_octets = 1'024;

}  // namespace smtp
