#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "smtp/client_types.h"  // StartTls: the same event on both sides.
#include "smtp/command.h"
#include "smtp/reply.h"

// What a ServerSession asks its driver, or tells it.
namespace smtp {

/// MAIL. Answer: 250, or a refusal.
struct SenderProposed {
  MailCommand command;
};

/// RCPT. Answer: 250, or a refusal.
struct RecipientProposed {
  RcptCommand command;
};

/// DATA, with at least one recipient. Answer: 354 (replies::start_content), or a refusal for lack
/// of resources; the transaction is over then.
struct ContentProposed {};

/// The next octets of the content, without the client's added dots. Valid until receive() is called
/// again. No answer.
struct ContentChunk {
  std::string_view octets;
};

/// The content is complete and acceptable to the session. Answer: 250 when it is on stable storage,
/// or a refusal; the transaction is over then.
struct ContentEnded {
  std::uint64_t octets = 0;  ///< Of all chunks.
};

/// The content will be refused by the session: no more chunks come, nor ContentEnded. The
/// transaction is over for the driver. No answer.
struct ContentAborted {
  enum class Reason : std::uint8_t { too_large, bare_cr_or_lf };
  Reason reason;
};

/// RSET, HELO or EHLO within a transaction: it is over. No answer.
struct TransactionReset {};

/// ETRN. Answer: 250 to 253, or a refusal by 458 or 459 [RFC1985 5.2].
struct QueueStartProposed {
  EtrnCommand command;
};

/// AUTH. Answer: answer_auth_challenge() or answer_auth().
struct AuthStarted {
  std::string mechanism;                        ///< One of ServerOptions::auth_mechanisms.
  std::optional<std::string> initial_response;  ///< Decoded. A secret.
};

/// What the client says to the last challenge, decoded; a secret. Answer: as AuthStarted.
struct AuthResponse {
  std::string octets;
};

/// The client has given up the exchange, and has heard so. No answer.
struct AuthCancelled {};

/// The session itself has refused a command; for the log. No answer.
struct CommandRefused {
  std::string line;  ///< As it came, shortened; of AUTH the verb alone. Escape it.
  Reply reply;
};

/// StartTls: the client waits for the TLS handshake. Send output(), make the handshake, then call
/// tls_started(); or drop the connection.
using Event = std::variant<SenderProposed, RecipientProposed, ContentProposed, ContentChunk,
                           ContentEnded, ContentAborted, TransactionReset, QueueStartProposed,
                           StartTls, AuthStarted, AuthResponse, AuthCancelled, CommandRefused>;

}  // namespace smtp
