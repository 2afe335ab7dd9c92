#include "smtp/client_transaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/ascii.h"
#include "base/assert.h"
#include "smtp/client_commands.h"

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

ClientTransaction::ClientTransaction(Transaction transaction, const Capabilities& peer,
                                     Options options)
    : transaction_(std::move(transaction)),
      peer_(peer),
      protocol_(options.protocol),
      chunks_(peer.chunking && options.protocol == Protocol::smtp),
      first_rcpt_(options.reset_first ? 2 : 1),
      open_(options.reset_first) {
  PH_ASSERT(!transaction_.forward_paths.empty());
  PH_ASSERT(transaction_.dsn.empty() ||
            transaction_.dsn.size() == transaction_.forward_paths.size());
  PH_ASSERT(is_printed_path(transaction_.reverse_path));
  PH_ASSERT(std::ranges::all_of(transaction_.forward_paths, is_printed_path));
  Selection selection = select_recipients(transaction_, peer_);
  smtputf8_ = selection.smtputf8;
  recipients_.resize(transaction_.forward_paths.size());
  for (std::size_t i = 0; i < recipients_.size(); ++i) {
    recipients_[i].result = std::move(selection.results[i]);
  }
  for (const std::size_t i : selection.asked) recipients_[i].decided = false;
  asked_ = std::move(selection.asked);
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
  return stage_of(sent_) != Stage::data || (!chunks_ && content_is_wanted());
}

/// DATA goes ahead of the replies to RCPT, unless somebody's refusal would make us regret it.
bool ClientTransaction::content_is_wanted() const {
  if (transaction_.ask_only) return false;
  if (answered_ < sent_) return !transaction_.all_or_nothing;
  return accepted_ > 0 && (refused_ == 0 || !transaction_.all_or_nothing);
}

void ClientTransaction::write_command(std::size_t step, std::string& out) const {
  if (step + 1 < first_rcpt_) {
    out += "RSET\r\n";
  } else if (step < first_rcpt_) {
    write_mail(transaction_, peer_, smtputf8_, out);
  } else if (stage_of(step) == Stage::rcpt) {
    const std::size_t i = asked_[step - first_rcpt_];
    write_rcpt(transaction_.forward_paths[i],
               transaction_.dsn.empty() ? nullptr : &transaction_.dsn[i], peer_, smtputf8_, out);
  } else {
    out += "DATA\r\n";
  }
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
  if (answered_ < sent_) return Progress::waiting;
  const bool all_asked = answered_ + 1 == steps();
  return chunks_ && all_asked && content_is_wanted() ? begin_chunk(out) : Progress::done;
}

///     bdat = "BDAT" SP chunk-size [ SP "LAST" ] CRLF        [RFC3030 2]
ClientTransaction::Progress ClientTransaction::begin_chunk(std::string& out) {
  fmt::format_to(std::back_inserter(out), "BDAT {} LAST\r\n", transaction_.size);
  phase_ = Phase::content;
  return Progress::content_wanted;
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
    progress = take_to_rcpt(recipients_[asked_[step - first_rcpt_]], reply);
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
  // A reply to the dot is what there is none of in LMTP; it says 503 to such a DATA [RFC2033 4.2].
  if (protocol_ == Protocol::lmtp) return Progress::protocol_error;
  phase_ = Phase::lone_dot;
  out += ".\r\n";
  return Progress::waiting;
}

/// A refusal that comes before the final dot counts, but then nobody knows what the server makes of
/// the rest: the connection must close without that dot. Nothing else is believed so early.
ClientTransaction::Progress ClientTransaction::take_to_content(const ReplyPointer& reply) {
  const bool ended = phase_ == Phase::final_dot;
  if (reply->is_intermediate() || (!ended && reply->is_positive())) return Progress::protocol_error;
  if (protocol_ == Protocol::lmtp) return take_for_one(reply);
  decide_rest(reply->is_positive() ? Verdict::accepted : verdict_of(*reply), stage(), reply);
  if (!ended) return Progress::protocol_error;
  // After a refused chunk servers differ on whether the transaction goes on [RFC3030 2].
  open_ = chunks_ && !reply->is_positive();
  return Progress::done;
}

/// One reply for each accepted recipient, in their order [RFC2033 4.2].
ClientTransaction::Progress ClientTransaction::take_for_one(const ReplyPointer& reply) {
  const auto skip_decided = [this] {
    while (next_reply_ < asked_.size() && recipients_[asked_[next_reply_]].decided) ++next_reply_;
  };
  skip_decided();
  Recipient& recipient = recipients_[asked_[next_reply_]];
  recipient.result = {reply->is_positive() ? Verdict::accepted : verdict_of(*reply), stage(),
                      reply};
  recipient.decided = true;
  if (phase_ != Phase::final_dot) return Progress::protocol_error;
  skip_decided();
  if (next_reply_ < asked_.size()) return Progress::waiting;
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
