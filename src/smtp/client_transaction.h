#pragma once

#include <optional>
#include <string>
#include <vector>

#include "smtp/client_types.h"

namespace smtp {

/// Commands that may be under way at once. The replies to that many fit into the buffers of any
/// TCP, so that the server and we never wait for each other to read [RFC2920 3.1].
inline constexpr std::size_t pipeline_commands_max = 100;
/// Of commands that are written at once, in octets, beyond one command.
inline constexpr std::size_t pipeline_octets_max = 16'384;

/// One mail transaction of a ClientSession, from MAIL to the reply after the final dot: which
/// command comes next, and what each reply means for whom.
///
///     [RSET] MAIL RCPT… DATA → content → final reply
///
/// With DATA sent ahead and nobody accepted there is no content: a lone dot answers a 354
/// [RFC2920 3.1], and its reply means nothing.
class ClientTransaction {
 public:
  enum class Progress : std::uint8_t { waiting, content_wanted, done, protocol_error };

  /// `reset_first`: the last transaction is still open at the peer [RFC5321 4.1.1.5].
  ClientTransaction(Transaction transaction, const Capabilities& peer, bool reset_first);

  /// Appends the commands that may be sent now.
  void write_commands(std::string& out);

  /// Takes the reply to the oldest command; not 421. May append commands to `out`.
  [[nodiscard]] Progress take_reply(const ReplyPointer& reply, std::string& out);

  /// Only while content is wanted.
  void content_ends() { phase_ = Phase::final_dot; }

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
    bool decided = false;
  };

  [[nodiscard]] Stage stage_of(std::size_t step) const;
  [[nodiscard]] std::size_t steps() const { return first_rcpt_ + recipients_.size() + 1; }
  [[nodiscard]] bool may_send_next() const;
  [[nodiscard]] bool data_is_wanted() const;
  void write_command(std::size_t step, std::string& out) const;
  void write_mail(std::string& out) const;

  [[nodiscard]] Progress take_to_command(const ReplyPointer& reply, std::string& out);
  [[nodiscard]] Progress take_to_mail(const ReplyPointer& reply);
  [[nodiscard]] Progress take_to_rcpt(Recipient& recipient, const ReplyPointer& reply);
  [[nodiscard]] Progress take_to_data(const ReplyPointer& reply, std::string& out);
  [[nodiscard]] Progress take_to_content(const ReplyPointer& reply);
  void decide_rest(Verdict verdict, Stage stage, const ReplyPointer& reply);

  Transaction transaction_;
  Capabilities peer_;
  std::vector<Recipient> recipients_;
  // Steps are numbered: [RSET], MAIL, a RCPT for each recipient, DATA.
  std::size_t first_rcpt_;
  std::size_t sent_ = 0;      ///< Steps before this one have been sent,
  std::size_t answered_ = 0;  ///< and these have been answered.
  std::size_t accepted_ = 0;  ///< Recipients.
  std::size_t refused_ = 0;
  Phase phase_ = Phase::commands;
  bool stopped_ = false;  ///< No more commands: only the replies to those sent are awaited.
  bool open_ = false;
};

/// Our own reply when this next hop cannot take the transaction, whatever it would say.
[[nodiscard]] std::optional<Reply> refusal_for(const Transaction& transaction,
                                               const Capabilities& peer);

}  // namespace smtp
