#include "delivery/ledger.h"

#include <utility>

#include "dsn/report.h"
#include "grammar/path.h"

namespace delivery {

using dsn::Outcome;
using spool::RecipientState;

namespace {

RecipientState state_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::delivered: return RecipientState::delivered;
    case Outcome::deferred: return RecipientState::deferred;
    case Outcome::bounced: return RecipientState::bounced;
    case Outcome::expired: return RecipientState::expired;
  }
  return RecipientState::deferred;
}

bool is_failure(Outcome outcome) {
  return outcome == Outcome::bounced || outcome == Outcome::expired;
}

/// As much of the content as a report returns: its header section, or the start of it.
std::string header_section(spool::Spool& spool, const Letter& letter) {
  std::string out;
  LetterContent content(spool, letter);
  while (out.size() < dsn::returned_header_octets_max) {
    const auto pieces = content.next();
    if (!pieces || pieces->empty()) break;
    for (const std::string_view piece : *pieces) {
      out += piece.substr(0, dsn::returned_header_octets_max -
                                 std::min(out.size(), dsn::returned_header_octets_max));
    }
  }
  const std::size_t end = out.find("\r\n\r\n");
  if (end != out.npos) out.resize(end + 2);
  return out;
}

}  // namespace

std::string address_of_path(std::string_view printed) {
  if (printed.size() < 2) return std::string(printed);
  printed = printed.substr(1, printed.size() - 2);
  return std::string(printed);
}

Ledger::Ledger(spool::Spool& spool, engine::EventLog& log, sys::Clock& clock, sys::Random& random,
               std::function<void(const spool::StoredMessage&)> on_report)
    : spool_(spool), log_(log), clock_(clock), random_(random), on_report_(std::move(on_report)) {}

base::Task<bool> Ledger::record(const Letter& letter, const std::vector<Result>& results,
                                const Attempt& attempt, base::WallTime next_attempt) {
  spool::Change change{letter.id, {}};
  bool failures = false;
  for (const Result& result : results) {
    spool::RecipientStatus status = letter.statuses[result.recipient];
    status.state = state_of(result.outcome);
    status.unknown = result.unknown;
    ++status.attempts;
    status.last_attempt = clock_.wall();
    status.next_attempt = next_attempt;
    status.last_reply = result.reply;
    status.via = attempt.via;
    failures = failures || is_failure(result.outcome);
    change.items.push_back({result.recipient, std::move(status)});
  }
  if (!failures) {
    // An error says only that a crash right now would forget it: it costs one more attempt.
    (void)co_await spool_.outcome(std::move(change));
    for (const Result& result : results) log(letter, result, attempt, next_attempt, {});
    co_return true;
  }

  std::optional<spool::NewMessage> report = make_report(letter, results, attempt, change);
  const std::string report_id = report ? base::to_string(report->id) : std::string();
  std::vector<spool::Change> changes;
  changes.push_back(std::move(change));
  const auto stored = co_await spool_.commit(std::move(changes), std::move(report));
  for (const Result& result : results) {
    if (stored || !is_failure(result.outcome))
      log(letter, result, attempt, next_attempt, report_id);
  }
  if (!stored) co_return false;
  if (*stored) {
    const spool::StoredMessage& accepted = **stored;
    std::vector<std::string> to{address_of_path(accepted.envelope->recipients[0].forward_path)};
    auto event = log_.event("received");
    event.id(accepted.id).text_or_null("client", "").text("from", "").list("to", to);
    event.number("size", static_cast<std::int64_t>(accepted.size));
    event.text_or_null("tls", "").text_or_null("auth", "");
    log_.write(event);
    on_report_(accepted);
  }
  co_return true;
}

std::optional<spool::NewMessage> Ledger::make_report(const Letter& letter,
                                                     const std::vector<Result>& results,
                                                     const Attempt& attempt,
                                                     const spool::Change& change) {
  grammar::Cursor in(letter.envelope->reverse_path);
  const auto reverse_path = grammar::parse_reverse_path(in, {.smtputf8 = true});
  // Nobody is told of a notification that could not be delivered [RFC5321 4.5.5].
  if (!reverse_path || reverse_path->is_null()) return std::nullopt;

  std::vector<dsn::RecipientReport> recipients;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Result& result = results[i];
    if (!is_failure(result.outcome)) continue;
    const spool::Recipient& recipient = letter.envelope->recipients[result.recipient];
    grammar::Cursor path(recipient.forward_path);
    const auto forward_path = grammar::parse_forward_path(path, {.smtputf8 = true});
    if (!forward_path) continue;
    recipients.push_back({.original_recipient = recipient.orcpt,
                          .final_recipient = forward_path->mailbox,
                          .kind = dsn::kind_of(result.outcome),
                          .status = result.status,
                          .remote_mta = attempt.host,
                          .reply = result.reply,
                          .attempts = change.items[i].status.attempts,
                          .last_attempt = clock_.wall()});
  }
  const std::string original = header_section(spool_, letter);
  const base::MessageId id = spool_.new_id();
  const std::string id_text = base::to_string(id);
  const dsn::Report report = dsn::build_report({.hostname = hostname_,
                                                .id = id_text,
                                                .random = random_.next(),
                                                .date = clock_.wall(),
                                                .arrival_date = letter.envelope->received,
                                                .reverse_path = *reverse_path,
                                                .envelope_id = letter.envelope->envid,
                                                .recipients = recipients,
                                                .original = original});
  spool::NewMessage message{id, {}, report.content, spool_.new_content()};
  message.envelope.reverse_path = "<>";
  message.envelope.recipients = {{.forward_path = dsn::report_recipient(*reverse_path).print()}};
  message.envelope.received = clock_.wall();
  message.envelope.eight_bit = report.eight_bit;
  return message;
}

engine::Event Ledger::attempt_event(std::string_view name, base::MessageId id,
                                    const spool::Envelope& envelope, std::uint32_t recipient,
                                    const Attempt& attempt, const std::string& reply) {
  engine::Event event = log_.event(name);
  event.id(id)
      .text("to", address_of_path(envelope.recipients[recipient].forward_path))
      .text_or_null("via", attempt.via)
      .text_or_null("host", attempt.host)
      .text_or_null("address", attempt.address)
      .text_or_null("tls", attempt.tls)
      .text_or_null("reply", reply)
      .seconds("delay", clock_.wall() - envelope.received);
  return event;
}

void Ledger::log(const Letter& letter, const Result& result, const Attempt& attempt,
                 base::WallTime next_attempt, const std::string& report) {
  const std::string_view name = result.unknown ? "unknown" : to_string(result.outcome);
  engine::Event event =
      attempt_event(name, letter.id, *letter.envelope, result.recipient, attempt, result.reply);
  switch (result.outcome) {
    case Outcome::delivered: ++counters_.delivered; break;
    case Outcome::deferred:
      ++(result.unknown ? counters_.unknown : counters_.deferred);
      event.time("next_attempt", next_attempt);
      break;
    case Outcome::bounced:
    case Outcome::expired:
      ++(result.outcome == Outcome::bounced ? counters_.bounced : counters_.expired);
      event.text_or_null("dsn", report);
      break;
  }
  log_.write(event);
}

void Ledger::announce_wait(base::MessageId id, const spool::Envelope& envelope,
                           std::uint32_t recipient, const Attempt& attempt,
                           const std::string& reply, base::WallTime next_attempt) {
  ++counters_.deferred;
  engine::Event event = attempt_event("deferred", id, envelope, recipient, attempt, reply);
  event.time("next_attempt", next_attempt);
  log_.write(event);
}

void Ledger::announce_unknown(base::MessageId id, const spool::Envelope& envelope,
                              std::uint32_t recipient, const std::string& via,
                              base::WallTime next_attempt) {
  ++counters_.unknown;
  engine::Event event = attempt_event("unknown", id, envelope, recipient, {.via = via}, "");
  event.time("next_attempt", next_attempt);
  log_.write(event);
}

}  // namespace delivery
