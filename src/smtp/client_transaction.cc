#include "smtp/client_transaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/ascii.h"
#include "base/assert.h"

namespace smtp {
namespace {

/// Paths come from checked types: nothing in them can end a line or the path.
[[nodiscard]] bool is_printed_path(std::string_view path) {
  return path.starts_with('<') && path.ends_with('>') &&
         std::ranges::none_of(path, [](char c) { return base::is_control(c); });
}

[[nodiscard]] Verdict verdict_of(const Reply& reply) {
  return reply.is_permanent() ? Verdict::permanent : Verdict::transient;
}

}  // namespace

std::optional<Reply> refusal_for(const Transaction& transaction, const Capabilities& peer) {
  if (transaction.needs_smtputf8 && !peer.smtputf8) {  // [RFC6531 3.2]
    return Reply{550, EnhancedStatus{5, 6, 7}, "next hop does not offer SMTPUTF8"};
  }
  if (transaction.eight_bit && !peer.eight_bit_mime) {  // [RFC6152 3]
    return Reply{554, EnhancedStatus{5, 6, 3}, "next hop does not offer 8BITMIME"};
  }
  if (peer.size_octets_max && transaction.size > *peer.size_octets_max) {  // [RFC1870 6.1]
    return Reply{552, EnhancedStatus{5, 3, 4},
                 fmt::format("message of {} octets, next hop takes {}", transaction.size,
                             *peer.size_octets_max)};
  }
  return std::nullopt;
}

ClientTransaction::ClientTransaction(Transaction transaction, const Capabilities& peer,
                                     bool reset_first)
    : transaction_(std::move(transaction)),
      peer_(peer),
      recipients_(transaction_.forward_paths.size()),
      first_rcpt_(reset_first ? 2 : 1),
      open_(reset_first) {
  PH_ASSERT(!recipients_.empty());
  PH_ASSERT(is_printed_path(transaction_.reverse_path));
  PH_ASSERT(std::ranges::all_of(transaction_.forward_paths, is_printed_path));
}

Stage ClientTransaction::stage_of(std::size_t step) const {
  if (step < first_rcpt_) return Stage::mail;
  return step + 1 < steps() ? Stage::rcpt : Stage::data;
}

Stage ClientTransaction::stage() const {
  switch (phase_) {
    case Phase::commands: return stage_of(answered_);
    case Phase::content: return Stage::content;
    case Phase::final_dot: return Stage::final_dot;
    case Phase::lone_dot: return Stage::data;
  }
  std::unreachable();
}

void ClientTransaction::write_commands(std::string& out) {
  const std::size_t under_way = sent_ - answered_;
  // Refilled by halves: a write for each reply would undo what pipelining saves.
  if (under_way > 0 && (!peer_.pipelining || under_way > pipeline_commands_max / 2)) return;
  const std::size_t full = out.size() + pipeline_octets_max;
  do {
    if (!may_send_next()) return;
    write_command(sent_++, out);
  } while (peer_.pipelining && sent_ - answered_ < pipeline_commands_max && out.size() < full);
}

bool ClientTransaction::may_send_next() const {
  if (stopped_ || sent_ == steps()) return false;
  return stage_of(sent_) != Stage::data || data_is_wanted();
}

/// DATA goes ahead of the replies to RCPT, unless somebody's refusal would make us regret it.
bool ClientTransaction::data_is_wanted() const {
  if (answered_ < sent_) return !transaction_.all_or_nothing;
  return accepted_ > 0 && (refused_ == 0 || !transaction_.all_or_nothing);
}

void ClientTransaction::write_command(std::size_t step, std::string& out) const {
  if (step + 1 < first_rcpt_) {
    out += "RSET\r\n";
  } else if (step < first_rcpt_) {
    write_mail(out);
  } else if (stage_of(step) == Stage::rcpt) {
    fmt::format_to(std::back_inserter(out), "RCPT TO:{}\r\n",
                   transaction_.forward_paths[step - first_rcpt_]);
  } else {
    out += "DATA\r\n";
  }
}

///     mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF        [RFC5321 4.1.1.2]
void ClientTransaction::write_mail(std::string& out) const {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "MAIL FROM:{}", transaction_.reverse_path);
  if (peer_.size) fmt::format_to(to, " SIZE={}", transaction_.size);
  if (peer_.eight_bit_mime && transaction_.eight_bit) out += " BODY=8BITMIME";
  if (transaction_.needs_smtputf8) out += " SMTPUTF8";
  out += "\r\n";
}

ClientTransaction::Progress ClientTransaction::take_reply(const ReplyPointer& reply,
                                                          std::string& out) {
  switch (phase_) {
    case Phase::commands: break;
    case Phase::content:
    case Phase::final_dot: return take_to_content(reply);
    case Phase::lone_dot: open_ = false; return Progress::done;
  }
  const Progress progress = take_to_command(reply, out);
  if (progress != Progress::waiting || phase_ != Phase::commands) return progress;
  write_commands(out);
  return answered_ == sent_ ? Progress::done : Progress::waiting;
}

ClientTransaction::Progress ClientTransaction::take_to_command(const ReplyPointer& reply,
                                                               std::string& out) {
  PH_ASSERT(answered_ < sent_);
  const std::size_t step = answered_;
  Progress progress = Progress::waiting;
  if (step + 1 < first_rcpt_) {
    open_ = false;
    if (!reply->is_positive()) progress = Progress::protocol_error;
  } else if (step < first_rcpt_) {
    progress = take_to_mail(reply);
  } else if (stage_of(step) == Stage::rcpt) {
    progress = take_to_rcpt(recipients_[step - first_rcpt_], reply);
  } else {
    progress = take_to_data(reply, out);
  }
  if (progress != Progress::protocol_error) ++answered_;  // Else stage() still tells where.
  return progress;
}

ClientTransaction::Progress ClientTransaction::take_to_mail(const ReplyPointer& reply) {
  if (reply->is_intermediate()) return Progress::protocol_error;
  if (reply->is_positive()) {
    open_ = true;
  } else {
    stopped_ = true;
    decide_rest(verdict_of(*reply), Stage::mail, reply);
  }
  return Progress::waiting;
}

/// A server that takes no more recipients says 452, older ones 552 [RFC5321 4.5.3.1.10]. For the
/// first recipient it can mean nothing of the kind.
ClientTransaction::Progress ClientTransaction::take_to_rcpt(Recipient& recipient,
                                                            const ReplyPointer& reply) {
  if (stopped_) return Progress::waiting;  // MAIL was refused: this says nothing new.
  if (reply->is_intermediate()) return Progress::protocol_error;
  if (reply->is_positive()) {
    ++accepted_;
    return Progress::waiting;
  }
  const bool too_many = accepted_ > 0 && (reply->code == 452 || reply->code == 552);
  recipient.result = {too_many ? Verdict::another_transaction : verdict_of(*reply), Stage::rcpt,
                      reply};
  recipient.decided = true;
  ++refused_;
  return Progress::waiting;
}

ClientTransaction::Progress ClientTransaction::take_to_data(const ReplyPointer& reply,
                                                            std::string& out) {
  if (reply->is_positive()) return Progress::protocol_error;
  if (!reply->is_intermediate()) {
    decide_rest(verdict_of(*reply), Stage::data, reply);
    return Progress::waiting;
  }
  if (accepted_ > 0) {
    phase_ = Phase::content;
    return Progress::content_wanted;
  }
  phase_ = Phase::lone_dot;
  out += ".\r\n";
  return Progress::waiting;
}

/// A refusal that comes before the final dot counts, but then nobody knows what the server makes of
/// the rest: the connection must close without that dot. Nothing else is believed so early.
ClientTransaction::Progress ClientTransaction::take_to_content(const ReplyPointer& reply) {
  const bool ended = phase_ == Phase::final_dot;
  if (reply->is_intermediate() || (!ended && reply->is_positive())) return Progress::protocol_error;
  decide_rest(reply->is_positive() ? Verdict::accepted : verdict_of(*reply), stage(), reply);
  if (!ended) return Progress::protocol_error;
  open_ = false;
  return Progress::done;
}

void ClientTransaction::decide_rest(Verdict verdict, Stage stage, const ReplyPointer& reply) {
  for (Recipient& recipient : recipients_) {
    if (std::exchange(recipient.decided, true)) continue;
    recipient.result = {verdict, stage, reply};
  }
}

std::vector<RecipientResult> ClientTransaction::finish(Verdict rest, const ReplyPointer& reply) {
  decide_rest(rest, stage(), reply);
  std::vector<RecipientResult> results;
  results.reserve(recipients_.size());
  for (Recipient& recipient : recipients_) results.push_back(std::move(recipient.result));
  return results;
}

}  // namespace smtp
