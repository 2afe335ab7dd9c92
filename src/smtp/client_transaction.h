#pragma once

#include <string>
#include <vector>

#include "smtp/client_selection.h"
#include "smtp/client_types.h"

namespace smtp {

/// Commands that may be under way at once. The replies to that many fit into the buffers of any
/// TCP, so that the server and we never wait for each other to read [RFC2920 3.1].
inline constexpr std::size_t pipeline_commands_max = 100;
/// Of commands that are written at once, in octets, beyond one command.
inline constexpr std::size_t pipeline_octets_max = 16'384;

/// One mail transaction of a ClientSession, from MAIL to the last reply after the content: which
/// command comes next, and what each reply means for whom.
///
///     [RSET] MAIL RCPT… DATA → content, final dot → final reply
///     [RSET] MAIL RCPT… → BDAT n LAST, content → final reply
///     [RSET] MAIL RCPT… DATA → content, final dot → a reply for each accepted recipient (LMTP)
///
/// With DATA sent ahead and nobody accepted there is no content: a lone dot answers a 354
/// [RFC2920 3.1], and its reply means nothing.
///
/// A peer that offers CHUNKING gets the content by one BDAT, of which we know the size: nothing
/// need be looked through for dots, a last line without CRLF stays as it is, and it takes as many
/// round trips as DATA, which goes with the RCPTs; BDAT, with the content, comes behind their
/// replies, so that no content travels that nobody takes. Not in LMTP, which does not say how many
/// replies follow BDAT.
class ClientTransaction {
 public:
  enum class Progress : std::uint8_t { waiting, content_wanted, done, protocol_error };

  struct Options {
    Protocol protocol = Protocol::smtp;
    bool reset_first =
        false;  ///< The last transaction is still open at the peer [RFC5321 4.1.1.5].
  };

  ClientTransaction(Transaction transaction, const Capabilities& peer, Options options);

  /// Nobody is to be asked for: finish() has all results.
  [[nodiscard]] bool has_nothing_to_say() const { return asked_.empty(); }

  /// Appends the commands that may be sent now.
  void write_commands(std::string& out);

  /// Takes the reply to the oldest command; not 421, but to the content in LMTP. May append
  /// commands to `out`.
  [[nodiscard]] Progress take_reply(const ReplyPointer& reply, std::string& out);

  /// Only while content is wanted.
  void content_ends() { phase_ = Phase::final_dot; }
  /// The content goes by BDAT.
  [[nodiscard]] bool verbatim() const { return chunks_; }

  /// What the peer owes us a reply to.
  [[nodiscard]] Stage stage() const;
  /// The peer has not ended it: RSET must come before the next.
  [[nodiscard]] bool is_open() const { return open_; }

  /// The results; recipients without one get this verdict with stage() and `reply`.
  [[nodiscard]] std::vector<RecipientResult> finish(Verdict rest, const ReplyPointer& reply);

 private:
  enum class Phase : std::uint8_t { commands, content, final_dot, lone_dot };

  struct Recipient {
    RecipientResult result;
    bool decided = true;
  };

  [[nodiscard]] Stage stage_of(std::size_t step) const;
  [[nodiscard]] std::size_t steps() const { return first_rcpt_ + asked_.size() + 1; }
  [[nodiscard]] bool may_send_next() const;
  [[nodiscard]] bool content_is_wanted() const;
  void write_command(std::size_t step, std::string& out) const;

  [[nodiscard]] Progress take_to_command(const ReplyPointer& reply, std::string& out);
  [[nodiscard]] Progress take_to_mail(const ReplyPointer& reply);
  [[nodiscard]] Progress take_to_rcpt(Recipient& recipient, const ReplyPointer& reply);
  [[nodiscard]] Progress take_to_data(const ReplyPointer& reply, std::string& out);
  [[nodiscard]] Progress take_to_content(const ReplyPointer& reply);
  [[nodiscard]] Progress take_for_one(const ReplyPointer& reply);
  [[nodiscard]] Progress begin_chunk(std::string& out);
  void decide_rest(Verdict verdict, Stage stage, const ReplyPointer& reply);

  Transaction transaction_;
  Capabilities peer_;
  Protocol protocol_;
  bool chunks_;
  bool smtputf8_ = false;
  std::vector<Recipient> recipients_;
  std::vector<std::size_t> asked_;  ///< Indices of recipients_.
  // Steps are numbered: [RSET], MAIL, a RCPT for each of asked_, DATA or BDAT.
  std::size_t first_rcpt_;
  std::size_t sent_ = 0;      ///< Steps before this one have been sent,
  std::size_t answered_ = 0;  ///< and these have been answered.
  std::size_t accepted_ = 0;  ///< Recipients.
  std::size_t refused_ = 0;
  std::size_t next_reply_ = 0;  ///< In LMTP: whom the next reply to the content is for, in asked_.
  Phase phase_ = Phase::commands;
  bool stopped_ = false;  ///< No more commands: only the replies to those sent are awaited.
  bool open_ = false;
};

}  // namespace smtp
