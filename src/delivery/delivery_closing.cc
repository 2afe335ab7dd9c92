#include <algorithm>
#include <utility>

#include "delivery/delivery.h"

// What becomes of an entry when its attempt has ended, or its time has run out.
namespace delivery {

using base::WallTime;
using dsn::Outcome;
using queue::Entry;
using spool::RecipientState;

namespace {

constexpr std::string_view not_asked_for = "its host has not asked for it (ETRN)";

/// Why the entry waits, but for what its own attempts came to; empty: nothing else.
std::string reason_to_wait(const Entry& entry) {
  if (entry.is_parked()) return std::string(not_asked_for);
  return entry.hop->backing_off() ? entry.hop->failures().back().reply : std::string();
}

/// A failure without a status of its own says that time has run out [RFC3463 3.5].
void run_out(Result& result) {
  result.outcome = Outcome::expired;
  result.unknown = false;
  const bool has_code = result.reply.size() > 3 && result.reply[0] == '4';
  result.status = has_code ? "" : "4.4.7";
}

}  // namespace

base::Task<> Delivery::close(std::unique_ptr<Entry> entry, const Letter& letter,
                             std::vector<Result> results, const Attempt& attempt) {
  const bool was_parked = entry->is_parked();
  if (attempt.made) ++entry->attempts;
  entry->due = now() + queue_.retry_delay(entry->attempts, world_.random.next());
  // What can't be tried again within its time is given up when that time is over, not before.
  const WallTime next_attempt = wall_time(std::min(entry->due, entry->expires));

  // What operators have done meanwhile stands on the disk, and is not to be overwritten.
  const Acted acted = take_acted(entry->id, entry->recipients);
  std::optional<Letter> changed;
  if (!acted.empty()) {
    changed = letter;
    if (base::Io<Letter> loaded = load_letter(world_.spool, entry->id)) {
      changed->statuses = std::move(loaded->statuses);
    }
  }
  const Letter& current = changed ? *changed : letter;
  if (entry->expires <= now() && !stopping_) {
    for (Result& result : results) {
      const bool held = current.statuses[result.recipient].state == RecipientState::held;
      if (result.outcome == Outcome::deferred && !held) run_out(result);
    }
  }
  const bool recorded = co_await ledger_.record(current, results, attempt, next_attempt);

  entry->recipients.clear();
  for (const Result& result : results) {
    const bool final = result.outcome != Outcome::deferred;
    const bool failure = final && result.outcome != Outcome::delivered;
    if (!final || (failure && !recorded)) entry->recipients.push_back(result.recipient);
  }
  if (entry->recipients.empty() || !world_.spool.contains(entry->id)) {
    announce_damage();
    queue_.finished(std::move(entry), now());
    co_return;
  }
  std::ranges::sort(entry->recipients);
  if (!recorded) {
    entry->due = now() + queue_.retry_delay(1, world_.random.next());
    // Else it would be overdue at once, again and again, while the disk is not well.
    entry->expires = std::max(entry->expires, entry->due);
    entry->warn = std::max(entry->warn, entry->due);
    if (was_parked) entry->due = Entry::parked;
  }
  if (acted.empty()) {
    give_back(std::move(entry));
  } else {
    settle_acted(std::move(entry), acted);
  }
}

Attempt Delivery::no_attempt(const queue::NextHop& hop, const spool::Envelope& envelope) const {
  Attempt out{.via = hop.key(), .made = false};
  for (const queue::HopFailure& failure : hop.failures()) {
    if (failure.time < envelope.received) continue;
    ++out.unreached;
    out.unreached_last = failure.time;
  }
  return out;
}

base::Task<> Delivery::overdue(std::unique_ptr<Entry> entry) {
  struct Counted {
    Delivery& delivery;
    explicit Counted(Delivery& whose) : delivery(whose) { ++delivery.overdue_; }
    ~Counted() {
      --delivery.overdue_;
      delivery.signal_.notify();
    }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
  };
  const Counted counted(*this);
  if (entry->expires <= now()) {
    co_await expire(std::move(entry));
  } else {
    co_await warn(std::move(entry));
  }
}

base::Task<> Delivery::expire(std::unique_ptr<Entry> entry) {
  route::Decision decision;
  const std::optional<Letter> letter = open(entry, decision);
  if (!letter) co_return;
  const queue::NextHop& hop = *entry->hop;
  std::vector<Result> results;
  for (const std::uint32_t recipient : entry->recipients) {
    const spool::RecipientStatus& status = letter->statuses[recipient];
    Result result{.recipient = recipient};
    result.reply = reason_to_wait(*entry);
    if (result.reply.empty()) result.reply = status.last_reply;
    run_out(result);
    results.push_back(std::move(result));
  }
  const Attempt attempt = no_attempt(hop, *letter->envelope);
  co_await close(std::move(entry), *letter, std::move(results), attempt);
}

base::Task<> Delivery::warn(std::unique_ptr<Entry> entry) {
  route::Decision decision;
  const std::optional<Letter> letter = open(entry, decision);
  if (!letter) co_return;
  const queue::NextHop& hop = *entry->hop;
  std::vector<std::uint32_t> recipients;
  for (const std::uint32_t recipient : entry->recipients) {
    const std::uint8_t notify = letter->envelope->recipients[recipient].notify;
    if (letter->statuses[recipient].warned || !wants_report(notify, dsn::Kind::delayed)) continue;
    recipients.push_back(recipient);
  }
  bool told = true;
  if (!recipients.empty()) {
    const Attempt attempt = no_attempt(hop, *letter->envelope);
    const std::string reply = reason_to_wait(*entry);
    told = co_await ledger_.warn(*letter, recipients, attempt, reply, wall_time(entry->expires));
  }
  entry->warn = told ? base::Instant::max() : now() + queue_.retry_delay(1, world_.random.next());
  give_back(std::move(entry));
}

}  // namespace delivery
