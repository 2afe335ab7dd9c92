#include "delivery/ledger.h"

#include <algorithm>
#include <map>
#include <utility>

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

/// Nothing: the originator hears nothing of this, or hears it from the next hop.
std::optional<dsn::Kind> kind_of(const Result& result, const Attempt& attempt) {
  switch (result.outcome) {
    case Outcome::delivered:
      if (result.passed_on) return std::nullopt;  // [RFC3461 5.2.1]
      return is_last_hop(attempt.via) ? dsn::Kind::delivered : dsn::Kind::relayed;
    case Outcome::deferred: return std::nullopt;  // Told when it has lasted.
    case Outcome::bounced: return dsn::Kind::failed;
    case Outcome::expired: return dsn::Kind::expired;
  }
  return std::nullopt;
}

}  // namespace

std::string address_of_path(std::string_view printed) {
  return std::string(grammar::mailbox_text(printed));
}

Ledger::Ledger(LedgerWorld world)
    : world_(std::move(world)), reports_(world_.spool, world_.clock, world_.random) {}

spool::Change Ledger::change_of(const Letter& letter, const std::vector<Result>& results,
                                const Attempt& attempt, base::WallTime next_attempt) const {
  spool::Change change{letter.id, {}};
  for (const Result& result : results) {
    spool::RecipientStatus status = letter.statuses[result.recipient];
    const bool stays_held =
        status.state == RecipientState::held && result.outcome == Outcome::deferred;
    if (!stays_held) status.state = state_of(result.outcome);
    status.unknown = result.unknown;
    status.next_attempt = next_attempt;
    if (attempt.made) {
      ++status.attempts;
      status.last_attempt = world_.clock.wall();
    }
    status.last_reply = result.reply;
    status.via = attempt.via;
    change.items.push_back({result.recipient, std::move(status)});
  }
  return change;
}

std::vector<Told> Ledger::told_of(const Letter& letter, const std::vector<Result>& results,
                                  const Attempt& attempt, const spool::Change& change) const {
  std::vector<Told> told;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto kind = kind_of(results[i], attempt);
    const std::uint32_t recipient = results[i].recipient;
    if (!kind || !wants_report(letter.envelope->recipients[recipient].notify, *kind)) continue;
    const spool::RecipientStatus& status = change.items[i].status;
    Told one{.recipient = recipient,
             .kind = *kind,
             .reply = results[i].reply,
             .status = results[i].status,
             .attempts = status.attempts + attempt.unreached};
    if (status.attempts > 0) one.last_attempt = status.last_attempt;
    one.last_attempt = std::max(one.last_attempt, attempt.unreached_last);
    told.push_back(std::move(one));
  }
  return told;
}

base::Task<bool> Ledger::record(const Letter& letter, const std::vector<Result>& results,
                                const Attempt& attempt, base::WallTime next_attempt) {
  const spool::Envelope& envelope = *letter.envelope;
  if (std::ranges::all_of(results, [&](const Result& result) {
        return envelope.recipients[result.recipient].reverse_path.empty();
      })) {
    co_return co_await record_group(letter, results, attempt, next_attempt);
  }
  std::map<std::string_view, std::vector<Result>> groups;
  for (const Result& result : results) {
    groups[reporting_path(envelope, result.recipient)].push_back(result);
  }
  bool all = true;
  for (const auto& [path, group] : groups) {
    all = co_await record_group(letter, group, attempt, next_attempt) && all;
  }
  co_return all;
}

base::Task<bool> Ledger::record_group(const Letter& letter, const std::vector<Result>& results,
                                      const Attempt& attempt, base::WallTime next_attempt) {
  spool::Change change = change_of(letter, results, attempt, next_attempt);
  // Made before the outcome is written: the content may be gone with it.
  const std::vector<Told> told = told_of(letter, results, attempt, change);
  std::optional<spool::NewMessage> report =
      reports_.make(letter, told, {.remote_mta = attempt.host});
  const std::string report_id = report ? base::to_string(report->id) : std::string();
  const auto is_told = [&](std::size_t index) {
    return std::ranges::find(told, results[index].recipient, &Told::recipient) != told.end();
  };
  if (std::ranges::none_of(results, is_failure, &Result::outcome)) {
    // An error says only that a crash right now would forget it: it costs one more attempt.
    (void)co_await world_.spool.outcome(std::move(change));
    for (std::size_t i = 0; i < results.size(); ++i) {
      log(letter, results[i], attempt, next_attempt, is_told(i) ? report_id : "");
    }
    if (report) world_.spawn(store_report(std::move(*report), letter.id));
    co_return true;
  }

  std::vector<spool::Change> changes;
  changes.push_back(std::move(change));
  const auto stored = co_await world_.spool.commit(std::move(changes), std::move(report));
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (stored || !is_failure(results[i].outcome)) {
      log(letter, results[i], attempt, next_attempt, stored && is_told(i) ? report_id : "");
    }
  }
  if (!stored) co_return false;
  if (*stored) report_accepted(**stored, letter.id);
  co_return true;
}

base::Task<bool> Ledger::warn(const Letter& letter, const std::vector<std::uint32_t>& recipients,
                              const Attempt& attempt, const std::string& reply,
                              base::WallTime expires) {
  std::map<std::string_view, std::vector<std::uint32_t>> groups;
  for (const std::uint32_t recipient : recipients) {
    groups[reporting_path(*letter.envelope, recipient)].push_back(recipient);
  }
  bool all = true;
  for (const auto& [path, group] : groups) {
    all = co_await warn_group(letter, group, attempt, reply, expires) && all;
  }
  co_return all;
}

base::Task<bool> Ledger::warn_group(const Letter& letter,
                                    const std::vector<std::uint32_t>& recipients,
                                    const Attempt& attempt, const std::string& reply,
                                    base::WallTime expires) {
  std::vector<Told> told;
  spool::Change change{letter.id, {}};
  for (const std::uint32_t recipient : recipients) {
    spool::RecipientStatus status = letter.statuses[recipient];
    Told one{.recipient = recipient,
             .kind = dsn::Kind::delayed,
             .reply = reply.empty() ? status.last_reply : reply,
             .attempts = status.attempts + attempt.unreached};
    if (status.attempts > 0) one.last_attempt = status.last_attempt;
    one.last_attempt = std::max(one.last_attempt, attempt.unreached_last);
    told.push_back(std::move(one));
    status.warned = true;
    change.items.push_back({recipient, std::move(status), true});
  }
  std::optional<spool::NewMessage> report =
      reports_.make(letter, told, {.remote_mta = attempt.host, .will_retry_until = expires});
  if (!report) co_return true;
  std::vector<spool::Change> changes;
  changes.push_back(std::move(change));
  const auto stored = co_await world_.spool.commit(std::move(changes), std::move(report));
  if (!stored) co_return false;
  if (world_.log.is_traced()) {
    for (const Told& one : told) {
      engine::Event event = world_.log.trace_event("delayed");
      const spool::Recipient& recipient = letter.envelope->recipients[one.recipient];
      event.id(letter.id).text("to", address_of_path(recipient.forward_path));
      event.text("dsn", base::to_string((*stored)->id));
      world_.log.write_trace(event);
    }
  }
  report_accepted(**stored, letter.id);
  co_return true;
}

base::Task<> Ledger::report_expanded(Letter letter, std::vector<spool::Expanded> expanded) {
  std::optional<spool::NewMessage> report = reports_.make_expanded(letter, expanded);
  letter.content.reset();
  if (report) co_await store_report(std::move(*report), letter.id);
}

base::Task<bool> Ledger::change(std::string_view name, const Letter& letter, spool::Change change,
                                std::string by) {
  std::vector<std::uint32_t> recipients;
  std::vector<std::string> reroutes;
  for (const spool::Change::Item& item : change.items) {
    recipients.push_back(item.recipient);
    reroutes.push_back(name == "rerouted" ? item.status.reroute : "");
  }
  std::vector<spool::Change> changes;
  changes.push_back(std::move(change));
  const auto stored = co_await world_.spool.commit(std::move(changes), std::nullopt);
  if (name.empty()) co_return stored.has_value();
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    if (name == "dropped") ++counters_.dropped;
    engine::Event event = world_.log.event(name);
    const spool::Recipient& recipient = letter.envelope->recipients[recipients[i]];
    event.id(letter.id)
        .text("to", address_of_path(recipient.forward_path))
        .text("by", by.empty() ? "operator" : by);
    if (!reroutes[i].empty()) event.text("via", reroutes[i]);
    world_.log.write(event);
  }
  co_return stored.has_value();
}

/// When the disk does not take it the originator is not told of what went well.
base::Task<> Ledger::store_report(spool::NewMessage report, base::MessageId about) {
  const auto stored = co_await world_.spool.accept(std::move(report));
  if (stored) report_accepted(*stored, about);
}

void Ledger::report_accepted(const spool::StoredMessage& report, base::MessageId about) {
  ++counters_.reports;
  std::vector<std::string> to;
  for (const spool::Recipient& recipient : report.envelope->recipients) {
    to.push_back(address_of_path(recipient.forward_path));
  }
  auto event = world_.log.event("received");
  event.id(report.id).text_or_null("client", "").text("from", "").list("to", to);
  event.number("size", static_cast<std::int64_t>(report.size));
  event.text_or_null("tls", "").text_or_null("auth", "").text("about", base::to_string(about));
  world_.log.write(event);
  world_.on_report(report);
}

engine::Event Ledger::attempt_event(std::string_view name, base::MessageId id,
                                    const spool::Envelope& envelope, std::uint32_t recipient,
                                    const Attempt& attempt, const std::string& reply) {
  engine::Event event = world_.log.event(name);
  event.id(id)
      .text("to", address_of_path(envelope.recipients[recipient].forward_path))
      .text_or_null("via", attempt.via)
      .text_or_null("host", attempt.host)
      .text_or_null("address", attempt.address)
      .text_or_null("tls", attempt.tls)
      .text_or_null("reply", reply)
      .seconds("delay", world_.clock.wall() - envelope.received);
  return event;
}

void Ledger::log(const Letter& letter, const Result& result, const Attempt& attempt,
                 base::WallTime next_attempt, const std::string& report) {
  const std::string_view name = result.unknown ? "unknown" : to_string(result.outcome);
  engine::Event event =
      attempt_event(name, letter.id, *letter.envelope, result.recipient, attempt, result.reply);
  switch (result.outcome) {
    case Outcome::delivered:
      ++counters_.delivered;
      if (!report.empty()) event.text("dsn", report);
      break;
    case Outcome::deferred:
      ++(result.unknown ? counters_.unknown : counters_.deferred);
      event.time("next_attempt", next_attempt);
      break;
    case Outcome::bounced:
    case Outcome::expired:
      ++(result.outcome == Outcome::bounced ? counters_.bounced : counters_.expired);
      event.text_or_null("dsn", report);
      if (attempt.by_operator) event.text("by", "operator");
      break;
  }
  world_.log.write(event);
}

void Ledger::announce_wait(base::MessageId id, const spool::Envelope& envelope,
                           std::uint32_t recipient, const Attempt& attempt,
                           const std::string& reply, base::WallTime failed,
                           base::WallTime next_attempt) {
  ++counters_.deferred;
  engine::Event event = attempt_event("deferred", id, envelope, recipient, attempt, reply);
  event.time("next_attempt", next_attempt).time("unreached", failed);
  world_.log.write(event);
}

void Ledger::announce_unknown(base::MessageId id, const spool::Envelope& envelope,
                              std::uint32_t recipient, const std::string& via,
                              base::WallTime next_attempt) {
  ++counters_.unknown;
  engine::Event event = attempt_event("unknown", id, envelope, recipient, {.via = via}, "");
  event.time("next_attempt", next_attempt);
  world_.log.write(event);
}

void Ledger::announce_damage(const spool::Damage& damage) {
  engine::Event event = world_.log.event("quarantined");
  if (damage.id.value != 0) event.id(damage.id);
  event.text("file", damage.file).number("offset", static_cast<std::int64_t>(damage.offset));
  event.text("reason", damage.what);
  world_.log.write(event);
}

}  // namespace delivery
