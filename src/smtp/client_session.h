#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "smtp/client_types.h"
#include "smtp/reply_parser.h"

namespace smtp {

class ClientTransaction;

/// One SMTP client conversation, of any number of mail transactions, without sockets and clocks.
///
/// The driver carries octets and time in, carries commands out, and does what the events ask:
///
///     greeting → EHLO (→ HELO) → [StartTls → tls_started() → EHLO] → [login] → Ready
///     LoginWanted → begin_login() → (LoginChallenge → respond())… → LoginEnded → login_verified()
///     begin() → MAIL RCPT… DATA → ContentWanted → content → content_ends() → TransactionDone
///     begin() → MAIL RCPT… → ContentWanted → BDAT, content → content_ends() → TransactionDone
///     quit() → Closed
///
/// A TransactionDone comes exactly once for each begin(), and Closed exactly once, as the last
/// event, whatever the peer does. Between a begin() and its TransactionDone nothing may be begun.
///
/// Bounded: at most one reply of input (reply_octets_max), pipeline_octets_max of output beyond one
/// command, and as many results as there are recipients. Octets that the peer sends unasked end
/// the session, also those behind its 220 to STARTTLS: they did not come through TLS.
class ClientSession {
 public:
  ClientSession(ClientOptions options, base::Instant now);
  ~ClientSession();
  ClientSession(ClientSession&&) noexcept;
  ClientSession& operator=(ClientSession&&) noexcept;

  /// Takes octets from the peer; all of them.
  void receive(std::string_view octets, base::Instant now);
  /// The connection has ended or failed (also: the TLS handshake failed). When it was a write that
  /// failed, give receive() first what can still be read: the peer may have said why.
  void connection_lost();

  /// What the driver must do next, or nullopt if more octets or time are needed.
  [[nodiscard]] std::optional<ClientEvent> next_event();

  /// Octets to send, then how many of them were sent. Valid until the session is next changed.
  [[nodiscard]] std::string_view output() const;
  void output_sent(std::size_t octets);
  /// The output belongs to a login: not to be shown or logged.
  [[nodiscard]] bool output_is_secret() const { return output_is_secret_; }

  /// When to call tick() at the latest; Instant::max() while the peer owes us nothing.
  [[nodiscard]] base::Instant deadline() const { return deadline_; }
  void tick(base::Instant now);

  /// Answers StartTls: what is received and sent from now on goes through TLS.
  void tls_started(base::Instant now);
  [[nodiscard]] bool tls_on() const { return options_.tls_on; }

  /// Answers LoginWanted: AUTH [RFC4954 4]. `initial`: the initial response, if the mechanism has
  /// one. Ignored when the session is closed, as are the next three.
  void begin_login(std::string_view mechanism, std::optional<std::string_view> initial,
                   base::Instant now);
  /// Answers LoginChallenge.
  void respond(std::string_view octets, base::Instant now);
  /// Answers LoginEnded.
  void login_verified();
  /// Answers any of the three: says `*` where the peer waits for a response, and closes with
  /// auth_failed. `why` is for people.
  void abandon_login(std::string why);

  /// Starts a transaction. Only while is_ready(). What this next hop cannot take (size, 8-bit
  /// content, SMTPUTF8) is done at once, refused_here, without a word to the peer; who does not fit
  /// into its LIMITS gets another_transaction.
  void begin(Transaction transaction, base::Instant now);

  /// Answers ContentWanted, any number of times, also behind content_ends(): a part of the content
  /// has been sent. Ignored when the session is closed.
  void content_progress(base::Instant now);
  /// Answers ContentWanted: to be called when all but what holds the last octet (of the final dot,
  /// or by BDAT of the content) has been sent, just before the rest is. From here on a lost
  /// connection means Verdict::unknown. The driver sends the final dot. Ignored when the session is
  /// closed.
  void content_ends(base::Instant now);

  /// Says QUIT. Only while is_ready() or is_closed() (then it does nothing).
  void quit(base::Instant now);

  /// begin() and quit() may be called.
  [[nodiscard]] bool is_ready() const { return state_ == State::ready; }
  [[nodiscard]] bool is_closed() const { return state_ == State::closed; }
  /// What the peer owes us a reply to.
  [[nodiscard]] Stage stage() const;
  [[nodiscard]] const Capabilities& capabilities() const { return capabilities_; }

 private:
  enum class State : std::uint8_t {
    greeting,
    ehlo,
    helo,
    starttls,
    tls_handshake,
    login_wanted,
    login_replied,    ///< The peer owes us a reply.
    login_challenge,  ///< We owe it a response.
    login_ended,      ///< It has said 235.
    ready,
    transaction,
    quitting,
    closed,
  };

  void take_reply(Reply reply, base::Instant now);
  void take_greeting(const ReplyPointer& reply, base::Instant now);
  void take_ehlo(const ReplyPointer& reply, base::Instant now);
  void take_helo(const ReplyPointer& reply, base::Instant now);
  void take_starttls(const ReplyPointer& reply, base::Instant now);
  void take_auth(const ReplyPointer& reply, base::Instant now);
  void take_in_transaction(const ReplyPointer& reply, base::Instant now);

  void say(std::string_view command, State next, base::Duration timeout, base::Instant now);
  void say_ehlo(base::Instant now);
  void greeted(base::Instant now);
  void log_in();
  void ready();
  void wait_for_transaction(base::Instant now);
  void finish_transaction();
  void drop_output();
  void close(CloseReason reason, ReplyPointer reply, std::string explanation);

  ClientOptions options_;
  ReplyParser parser_;
  Capabilities capabilities_;
  std::unique_ptr<ClientTransaction> transaction_;  ///< Only in State::transaction.
  std::vector<ClientEvent> events_;                 ///< At most four.
  std::string output_;
  std::size_t output_sent_ = 0;
  base::Instant deadline_;
  State state_ = State::greeting;
  bool output_is_secret_ = false;
  std::optional<std::string> initial_response_;  ///< To be sent when the peer asks for it.
  bool must_reset_ = false;  ///< The last transaction is still open at the peer.
};

}  // namespace smtp
