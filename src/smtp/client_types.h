#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "smtp/reply.h"

// What a ClientSession is told, and what it tells.
namespace smtp {

/// What a next hop has said that it can do [RFC5321 4.1.1.1].
struct Capabilities {
  bool extended = false;  ///< It knows EHLO.
  bool pipelining = false;
  bool eight_bit_mime = false;
  bool smtputf8 = false;
  bool starttls = false;
  bool enhanced_status_codes = false;
  bool chunking = false;
  bool dsn = false;
  std::vector<std::string> auth_mechanisms;      ///< In capitals, in the peer's order.
  bool size = false;                             ///< SIZE= is understood [RFC1870].
  std::optional<std::uint64_t> size_octets_max;  ///< Of content, if it has a fixed limit.
  // LIMITS [RFC9422 4], none of them 0.
  std::optional<std::uint32_t> transactions_max;  ///< MAILMAX: of a session.
  std::optional<std::uint32_t> recipients_max;    ///< RCPTMAX: of a transaction.
  std::optional<std::uint32_t> domains_max;       ///< RCPTDOMAINMAX: of a transaction's recipients.

  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

/// Reads the text of a positive reply to EHLO. What is unknown or malformed is ignored.
[[nodiscard]] Capabilities parse_capabilities(std::string_view text);

enum class TlsPolicy : std::uint8_t {
  off,            ///< Never STARTTLS.
  opportunistic,  ///< Where offered; goes on without it when it is refused.
  required,       ///< Closes with tls_unavailable when it is not to be had.
};

/// What is spoken behind the greeting.
enum class Protocol : std::uint8_t {
  smtp,
  /// LHLO, and after the final dot one reply for each accepted recipient [RFC2033 4.2].
  lmtp,
};

/// How long to wait at least [RFC5321 4.5.3.2]; each starts when what it waits for becomes the next
/// thing that the peer owes us, and octets that trickle in do not prolong it.
struct ClientTimeouts {
  base::Duration greeting = std::chrono::minutes(5);       // [RFC5321 4.5.3.2.1]
  base::Duration command = std::chrono::minutes(5);        // [RFC5321 4.5.3.2.2], 4.5.3.2.3
  base::Duration data = std::chrono::minutes(2);           // [RFC5321 4.5.3.2.4]
  base::Duration content_block = std::chrono::minutes(3);  // [RFC5321 4.5.3.2.5]
  base::Duration final_dot = std::chrono::minutes(10);     // [RFC5321 4.5.3.2.6]
  base::Duration tls_handshake = std::chrono::minutes(2);
  /// Deviates: the text names no time for QUIT, and nothing depends on its reply.
  base::Duration quit = std::chrono::seconds(10);
};

struct ClientOptions {
  std::string helo;  ///< A domain or address literal: no spaces, no controls.
  Protocol protocol = Protocol::smtp;
  TlsPolicy tls = TlsPolicy::off;
  bool tls_on = false;  ///< The connection is in TLS from its start [RFC8314 3].
  /// The driver wants to log in before it is ready. Only in TLS: see LoginWanted.
  bool login = false;
  ClientTimeouts timeouts = {};
};

/// RET of a transaction [RFC3461 4.3].
enum class DsnReturn : std::uint8_t { not_given = 0, full = 1, headers = 2 };

/// What notifications the originator wants for one recipient. Said to next hops that offer DSN.
struct RecipientDsn {
  std::uint8_t notify = 0;  ///< Bits of grammar::notify; 0: not given [RFC3461 4.1].
  std::string orcpt;        ///< ORCPT as it came, `rfc822;xtext`, or empty [RFC3461 4.2].
};

/// One mail transaction. Paths are as printed from checked types, with their angle brackets. Only a
/// next hop with SMTPUTF8 is asked for a forward-path with octets beyond US-ASCII.
struct Transaction {
  std::string reverse_path;
  std::vector<std::string> forward_paths;  ///< At least one.
  std::vector<RecipientDsn> dsn;           ///< One for each forward-path, or none at all.
  DsnReturn ret = DsnReturn::not_given;
  std::string envid;       ///< ENVID, decoded; empty: not given [RFC3461 4.4].
  std::uint64_t size = 0;  ///< Of the content, in octets, exactly, without dot-stuffing.
  bool eight_bit = false;  ///< The content has octets beyond US-ASCII.
  /// The reverse-path or the header section has, too [RFC6531 3.4].
  bool needs_smtputf8 = false;
  /// Gives the transaction up before the content unless every recipient is accepted.
  bool all_or_nothing = false;
  /// Asks for the recipients and gives the transaction up before the content, always.
  bool ask_only = false;
};

/// Where in the conversation something happened: what the peer owed us a reply to.
enum class Stage : std::uint8_t {
  greeting,
  ehlo,  ///< Or HELO.
  starttls,
  auth,
  idle,  ///< Between transactions.
  mail,
  rcpt,
  data,
  content,  ///< Before the final dot.
  /// The final dot, or the last octet of BDAT, may have been sent: without a reply the outcome is
  /// unknown.
  final_dot,
  quit,
};
[[nodiscard]] std::string_view to_string(Stage stage);

/// What a transaction came to for one recipient.
enum class Verdict : std::uint8_t {
  accepted,   ///< The peer has taken responsibility.
  transient,  ///< 4yz, or 421 and closed.
  permanent,  ///< 5yz.
  /// Too many recipients for this one: try it in another, at once. No reply: by LIMITS.
  another_transaction,
  lost,          ///< No reply, and the final dot was not sent.
  unknown,       ///< No reply after the final dot: it may have been taken.
  refused_here,  ///< The next hop cannot take it, so it was not asked. The reply is ours.
  /// Accepted, but the transaction was given up (all_or_nothing, ask_only).
  abandoned,
};

/// Shared by all recipients that got it.
using ReplyPointer = std::shared_ptr<const Reply>;

struct RecipientResult {
  Verdict verdict = Verdict::lost;
  Stage stage = Stage::mail;
  ReplyPointer reply;  ///< None if the peer said nothing to it.
};

/// Shake hands as a TLS client, then call tls_started(). When that fails, close the connection.
struct StartTls {};

/// The peer offers AUTH, by Capabilities::auth_mechanisms: answer with begin_login(), or
/// abandon_login(). Never comes without TLS.
struct LoginWanted {};

/// What the peer said in the login, decoded: answer with respond(), or abandon_login().
struct LoginChallenge {
  std::string octets;
};

/// The peer says that we are logged in: answer with login_verified() when the mechanism agrees,
/// else with abandon_login().
struct LoginEnded {};

/// The session is ready for its first transaction.
struct Ready {};

/// Send the content, then see content_ends().
struct ContentWanted {
  /// The content goes as it is: Transaction::size octets behind the BDAT in output(), and
  /// no final dot [RFC3030 2]. Else dot-stuffed, with the final dot.
  bool verbatim = false;
};

/// One result for each forward-path, in their order. The session is ready for another transaction,
/// unless it is_closed().
struct TransactionDone {
  std::vector<RecipientResult> recipients;
};

enum class CloseReason : std::uint8_t {
  quit,             ///< After quit().
  refused,          ///< 4yz or 5yz to the greeting, EHLO or HELO: see the reply.
  service_closing,  ///< 421 [RFC5321 3.8].
  tls_unavailable,  ///< Required, but not offered or refused. Only ever defers.
  auth_failed,      ///< Not offered, refused, or given up. Only ever defers.
  lost,             ///< The connection ended.
  timed_out,
  protocol_error,  ///< The peer said what is no reply, or none that may stand here.
};
[[nodiscard]] std::string_view to_string(CloseReason reason);

/// The last event. Send what is left of output() if that is easy (a QUIT), and close.
struct Closed {
  CloseReason reason = CloseReason::lost;
  Stage stage = Stage::greeting;
  ReplyPointer reply;       ///< The reply that led to it, if there was one.
  std::string explanation;  ///< For people, without the peer's text; may be empty.
};

using ClientEvent = std::variant<StartTls, LoginWanted, LoginChallenge, LoginEnded, Ready,
                                 ContentWanted, TransactionDone, Closed>;

}  // namespace smtp
