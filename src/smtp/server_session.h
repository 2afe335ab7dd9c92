#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "smtp/content_decoder.h"
#include "smtp/content_scan.h"
#include "smtp/reply.h"
#include "smtp/server_event.h"
#include "smtp/server_options.h"
#include "smtp/server_state.h"

namespace smtp {

/// Why a session was closed, as the log says it.
enum class ServerCloseReason : std::uint8_t {
  quit,
  refused,    ///< By the driver: its greeting or an answer of 421.
  timed_out,  ///< [RFC5321 4.5.3.2.7]
  abuse,      ///< Beyond AbuseLimits.
  bare_cr_or_lf,
  http,               ///< The peer speaks HTTP, or TLS on a plain port.
  injected,           ///< Octets behind STARTTLS.
  content_too_large,  ///< Beyond refused_content_octets_max.
  stopping,
};

[[nodiscard]] std::string_view to_string(ServerCloseReason reason);

/// One SMTP server conversation, without sockets, clocks, threads or files.
///
/// The driver carries octets and time in, carries replies out, and answers the questions the
/// session asks; the session alone knows the protocol.
///
/// Bounded: holds at most one line of input (command_line_octets_max, in AUTH
/// auth_line_octets_max), and takes no more while an Event is unanswered, so a pipelining client
/// [RFC2920] cannot make it grow. output() grows by a few octets for each octet received, and by at
/// most AbuseLimits::commands_without_mail replies beside.
class ServerSession {
 public:
  /// `options` must outlive the session.
  ServerSession(const ServerOptions& options, base::Instant now);

  /// Says 220. To be called once, before receive(); or refuse() instead.
  void greet();
  /// Says this (a 421 or 554) as greeting, and closes.
  void refuse(const Reply& reply);

  /// Takes octets from the peer. Returns how many were used; the driver must offer the rest again
  /// after next_event() has returned nullopt and the question, if there was one, is answered.
  [[nodiscard]] std::size_t receive(std::string_view octets, base::Instant now);

  /// What the driver must do next, or nullopt if more octets are needed.
  [[nodiscard]] std::optional<Event> next_event();

  /// Answers SenderProposed, RecipientProposed, ContentProposed, ContentEnded or
  /// QueueStartProposed. A reply without an
  /// enhanced code, or with one of another class, gets one of its own class. 421 closes the
  /// session.
  void answer(const Reply& reply);

  /// Answer AuthStarted or AuthResponse: with octets that go out as `334`, or for good. Whether the
  /// client is authenticated then is said by the class of the reply, 235 or a refusal.
  void answer_auth_challenge(std::string_view octets);
  void answer_auth(const Reply& reply);

  /// The handshake that StartTls asked for has succeeded: forgets what the client said before
  /// [RFC3207 4.2].
  void tls_started();

  /// Octets to send, then how many of them were sent.
  [[nodiscard]] std::string_view output() const {
    return std::string_view(output_).substr(output_sent_);
  }
  void output_sent(std::size_t octets);

  /// When to call tick() if nothing has happened by then: `idle_timeout` after the last complete
  /// command, answer, or content_progress_octets of content, so that single octets do not keep a
  /// session alive [RFC5321 4.5.3.2.7]. tick() then says 421 and closes [RFC5321 3.8]; not while
  /// the driver owes an answer.
  [[nodiscard]] base::Instant deadline() const { return deadline_; }
  void tick(base::Instant now);

  /// We are stopping: says 421 and closes, at once when there is no transaction, otherwise as soon
  /// as it is over; instead of the greeting when that has not been said.
  void shutdown();

  [[nodiscard]] ServerState state() const { return state_; }
  [[nodiscard]] ServerCloseReason close_reason() const { return close_reason_; }  ///< Once closed.

  /// The argument of HELO or EHLO, any printable ASCII; empty before.
  [[nodiscard]] const std::string& hello() const { return hello_; }
  [[nodiscard]] bool is_extended() const { return extended_; }  ///< It was EHLO.
  [[nodiscard]] bool is_tls() const { return tls_; }
  [[nodiscard]] bool is_authenticated() const { return authenticated_; }
  /// Recipients accepted in this transaction.
  [[nodiscard]] std::size_t recipients() const { return recipients_; }

 private:
  enum class Question : std::uint8_t {
    none,
    sender,
    recipient,
    start_content,
    content,
    auth,
    queue_start,
  };

  [[nodiscard]] bool takes_input() const;
  [[nodiscard]] bool offers_auth() const;
  [[nodiscard]] std::size_t line_octets_max(std::string_view start) const;

  // In server_line.cc.
  [[nodiscard]] std::size_t receive_line(std::string_view octets, base::Instant now);
  void keep_line(std::string_view text);
  void end_line(std::string_view text, base::Instant now);
  void handle_bare_cr_or_lf(std::string_view text);
  [[nodiscard]] bool is_other_protocol(std::string_view octets);

  // In server_content.cc.
  [[nodiscard]] std::size_t receive_content(std::string_view octets, base::Instant now);
  void count_content(std::size_t used, base::Instant now);
  void begin_content();
  void end_content();
  void end_refused_content();
  [[nodiscard]] bool has_bare_cr_or_lf() const;

  // In server_chunk.cc.
  void handle_bdat(std::string_view line);
  void answer_first_chunk(const Reply& reply);
  [[nodiscard]] std::size_t receive_chunk(std::string_view octets, base::Instant now);
  void begin_chunk();
  void refuse_chunks(const Reply& reply);
  void end_chunk();
  void end_unwanted_chunk();
  void send_about_chunk(const Reply& reply);

  void handle_command(std::string_view line);
  void dispatch(const CommandLine& command);
  [[nodiscard]] std::optional<Reply> refusal(Verb verb) const;

  // One for each command, in server_commands.cc.
  void handle_hello(std::string_view argument, bool extended);
  void handle_mail(std::string_view argument);
  void handle_rcpt(std::string_view argument);
  void handle_data(std::string_view argument);
  void handle_rset(std::string_view argument);
  void handle_vrfy(std::string_view argument);
  void handle_help(std::string_view argument);
  void handle_noop(std::string_view argument);
  void handle_quit(std::string_view argument);
  void handle_starttls(std::string_view argument);
  [[nodiscard]] Reply hello_reply(bool extended) const;

  // In server_etrn.cc.
  void handle_etrn(std::string_view argument);
  void answer_queue_start(const Reply& reply);

  // In server_auth.cc.
  void handle_auth(std::string_view argument);
  void handle_auth_response(std::string_view line);
  void end_auth(const Reply& reply);

  [[nodiscard]] bool in_transaction() const;
  void answer_sender(const Reply& reply);
  void answer_recipient(const Reply& reply);
  void answer_start_content(const Reply& reply);
  void answer_content(const Reply& reply);
  void send_about_content(const Reply& reply);

  /// Puts the reply into the output; see answer() about its enhanced code.
  void send(const Reply& reply);
  /// Refuses the command at hand, and counts it.
  void refuse_command(const Reply& reply);
  void ask(Question question, Event event);
  void end_transaction();
  void count_command(Verb verb);
  void close(ServerCloseReason reason);
  void close_for_abuse();
  void close_if_stopping();

  const ServerOptions& options_;
  base::Instant deadline_;
  std::string output_;
  std::size_t output_sent_ = 0;
  std::string line_;               ///< The beginning of a line whose end has not come.
  std::string_view refused_line_;  ///< What the log may see of the line at hand.
  std::optional<Event> event_;
  std::string hello_;
  ContentDecoder decoder_;  ///< Of DATA.
  BareScan chunk_scan_;     ///< Of BDAT.
  std::uint64_t content_octets_ = 0;
  std::uint64_t content_used_ = 0;  ///< With dots, and what was refused.
  std::size_t progress_ = 0;        ///< Octets of content since deadline_ was set.
  std::size_t recipients_ = 0;

  /// The BDAT at hand.
  struct Chunk {
    std::uint64_t octets = 0;
    std::uint64_t left = 0;  ///< Still to come.
    bool last = false;
    bool first = false;            ///< The driver is being asked whether content may come.
    ServerState before = {};       ///< The state that it came in.
    std::optional<Reply> refusal;  ///< Its octets are thrown away, then this is said.
  };
  Chunk chunk_;

  // What AbuseLimits bounds.
  unsigned bad_commands_ = 0;
  unsigned refused_recipients_ = 0;
  unsigned failed_auths_ = 0;
  unsigned commands_without_mail_ = 0;

  ServerState state_ = ServerState::opened;
  Question question_ = Question::none;
  ServerCloseReason close_reason_ = ServerCloseReason::quit;
  bool answered_ = false;  ///< Since deadline_ was set.
  bool discards_ = false;  ///< The line at hand is too long; line_ has its beginning.
  bool after_cr_ = false;  ///< The last octet of a discarded line was CR.
  bool first_octet_ = true;
  bool content_refused_ = false;
  bool chunks_failed_ = false;  ///< BDATs may still be in the pipeline behind one that failed.
  bool smtputf8_ = false;       ///< Of this transaction.
  bool extended_ = false;
  bool tls_ = false;
  bool authenticated_ = false;
  bool stopping_ = false;
};

}  // namespace smtp
