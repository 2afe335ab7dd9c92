#include <algorithm>
#include <iterator>
#include <utility>

#include "delivery/idle_worker.h"
#include "delivery/routing.h"
#include "delivery/said_path.h"
#include "delivery/waiting.h"
#include "grammar/notify.h"

// Which recipients of a message wait for which next hop, and until when.
namespace delivery {

using base::Instant;
using queue::Entry;

namespace {

/// What waits in memory for its first attempt, and how many before it still count as soon.
constexpr std::size_t fresh_octets_max = std::size_t{16} << 20;
constexpr std::size_t fresh_waiting_max = 512;
/// Programs that run at once for one kind of next hop.
constexpr std::size_t pipes_max = 16;
/// Entries that are filed anew in one turn of the loop.
constexpr std::size_t outdated_at_once = 64;

/// Whether it is somebody's turn: not done, and not held.
bool is_owed(const spool::RecipientStatus& status) {
  return !is_final(status.state) && status.state != spool::RecipientState::held;
}

queue::HopLimits limits_of(const route::Decision& decision) {
  switch (decision.target.scheme) {
    case route::Scheme::maildir:
    case route::Scheme::mbox:
    case route::Scheme::discard:
    case route::Scheme::reject: return {.workers = 1};
    case route::Scheme::pipe: return {.workers = pipes_max};
    case route::Scheme::lmtp: return {};  // What is delivered here has no rate.
    case route::Scheme::smtp:
    case route::Scheme::smtps:
    case route::Scheme::mx: break;
  }
  return {.limited = true};
}

}  // namespace

void Delivery::message(const spool::RecoveredMessage& message) {
  for (const std::uint32_t recipient : message.newly_unknown) {
    const spool::RecipientStatus& status = message.statuses[recipient];
    ledger_.announce_unknown(message.id, message.envelope, recipient, status.via,
                             status.next_attempt);
  }
  file(message.id, message.envelope, message.statuses, {});
}

void Delivery::accepted(const spool::StoredMessage& message,
                        const std::vector<spool::Expanded>& expanded) {
  const bool soon = file(message.id, *message.envelope, {}, {.from = ""});
  if (soon && message.content && fresh_octets_ + message.size <= fresh_octets_max) {
    fresh_octets_ += message.size;
    fresh_.emplace(message.id, message);
  }
  if (!expanded.empty()) workers_.spawn(ledger_.report_expanded(letter_of(message), expanded));
}

void Delivery::forget_fresh(base::MessageId id) {
  const auto fresh = fresh_.find(id);
  if (fresh == fresh_.end()) return;
  fresh_octets_ -= fresh->second.size;
  fresh_.erase(fresh);
}

Instant Delivery::warn_time(const spool::Envelope& envelope, std::uint32_t recipient,
                            const spool::RecipientStatus& status, Instant arrived) const {
  const bool wanted = options().warn_after > base::Duration::zero() &&
                      options().warn_after < options().expire && !status.warned &&
                      envelope.reverse_path != "<>" &&
                      wants_report(envelope.recipients[recipient].notify, dsn::Kind::delayed);
  return wanted ? arrived + options().warn_after : Instant::max();
}

std::optional<route::Decision> Delivery::decide(const Routing& routing, base::MessageId id,
                                                const spool::Envelope& envelope,
                                                std::uint32_t recipient,
                                                const spool::RecipientStatus& status,
                                                const Filing& filing) {
  const bool anyway = notes_.wanted() && filing.from && filing.from->empty();
  std::vector<route::Step> steps;
  auto decision = routing.decide(recipient, status, anyway ? &steps : nullptr);
  if (!decision || !notes_.wanted()) return decision;
  if (!anyway) {
    const std::string_view before = filing.from.value_or(status.via);
    if (before.empty() || decision->next_hop == before) return decision;
    decision = routing.decide(recipient, status, &steps);
  }
  notes_.routed(id, address_of_path(envelope.recipients[recipient].forward_path),
                decision->next_hop, steps);
  return decision;
}

bool Delivery::file(base::MessageId id, const spool::Envelope& envelope,
                    const std::vector<spool::RecipientStatus>& statuses, const Filing& filing) {
  // Few next hops for one message: a list is searched faster than a map is built.
  std::vector<std::pair<route::Decision, std::unique_ptr<Entry>>> entries;
  const Routing routing(*settings_, envelope);
  const Instant present = now();
  const Instant arrived = present - (world_.clock.wall() - envelope.received);
  const std::size_t count = filing.only ? filing.only->size() : envelope.recipients.size();
  for (std::size_t n = 0; n < count; ++n) {
    const std::uint32_t i = filing.only ? (*filing.only)[n] : static_cast<std::uint32_t>(n);
    static const spool::RecipientStatus untried;
    const spool::RecipientStatus& status = statuses.empty() ? untried : statuses[i];
    if (!is_owed(status)) continue;
    auto decision = decide(routing, id, envelope, i, status, filing);
    if (!decision) continue;
    const Instant tried = status.attempts == 0 ? present : instant(status.next_attempt);
    const bool parked = waits_for_etrn(*settings_, *decision, envelope, status);
    const bool was_parked = filing.due == Entry::parked;
    const Instant due = parked ? Entry::parked : was_parked ? tried : filing.due.value_or(tried);
    auto same = std::ranges::find_if(entries, [&](const auto& entry) {
      return entry.first.next_hop == decision->next_hop && entry.second->due == due &&
             same_reverse_path(envelope, entry.second->recipients.front(), i);
    });
    if (same == entries.end()) {
      auto entry = std::make_unique<Entry>();
      entry->id = id;
      entry->due = due;
      entry->attempts = status.attempts;
      entry->expires = arrived + options().expire;
      entries.emplace_back(std::move(*decision), std::move(entry));
      same = std::prev(entries.end());
    }
    Entry& entry = *same->second;
    entry.warn = std::min(entry.warn, warn_time(envelope, i, status, arrived));
    entry.recipients.push_back(i);
  }
  bool soon = false;
  for (auto& [decision, entry] : entries) {
    const queue::NextHop* hop = queue_.find_hop(decision.next_hop);
    const bool is_next =
        hop == nullptr || (!hop->backing_off() && hop->waiting() < fresh_waiting_max);
    soon = soon || (is_next && !entry->is_parked());
    add(std::move(entry), decision);
  }
  return soon;
}

void Delivery::add(std::unique_ptr<Entry> entry, const route::Decision& decision) {
  add(std::move(entry), queue_.hop(decision.next_hop, limits_of(decision)));
}

void Delivery::add(std::unique_ptr<Entry> entry, queue::NextHop& hop) {
  if (queue_.add(std::move(entry), hop, now())) {
    auto& idle = idle_[&hop];
    if (!idle.empty()) {
      idle.back()->signal.notify();
      idle.pop_back();
      return;
    }
  }
  rouse();
}

void Delivery::give_back(std::unique_ptr<Entry> entry) {
  const Acted acted = take_acted(entry->id, entry->recipients);
  if (!acted.empty()) return settle_acted(std::move(entry), acted);
  if (queue_.is_outdated(*entry)) return refile(std::move(entry));
  queue::NextHop& hop = *entry->hop;
  add(std::move(entry), hop);
}

void Delivery::refile(std::unique_ptr<Entry> entry) {
  const auto letter = load(entry);
  if (!letter) return;
  file(entry->id, *letter->envelope, letter->statuses,
       {.only = &entry->recipients, .due = entry->due, .from = entry->hop->key()});
  queue_.finished(std::move(entry), now());
}

base::Task<> Delivery::refile_outdated() {
  const std::uint32_t generation = queue_.generation();
  for (const std::string& key : queue_.hop_keys()) {
    queue::Queue::Place from;
    for (;;) {
      queue::NextHop* const hop = queue_.find_hop(key);
      if (hop == nullptr) break;
      auto entries = queue_.extract_outdated(*hop, from, outdated_at_once, now());
      if (entries.empty()) break;
      for (auto& entry : entries) refile(std::move(entry));
      co_await sys::Yield(world_.loop);
      if (stopping_ || generation != queue_.generation()) co_return;
    }
  }
}

std::optional<Letter> Delivery::load(std::unique_ptr<Entry>& entry) {
  if (const auto fresh = fresh_.find(entry->id); fresh != fresh_.end()) {
    std::optional<Letter> letter = letter_of(fresh->second);
    forget_fresh(entry->id);
    return letter;
  }
  base::Io<Letter> loaded = load_letter(world_.spool, entry->id);
  if (loaded) return std::move(*loaded);
  announce_damage();
  if (loaded.error().code == base::IoErrorCode::not_found || !world_.spool.contains(entry->id)) {
    // Quarantined: it is the spool's from now on.
    (void)take_acted(entry->id, entry->recipients);
    queue_.finished(std::move(entry), now());
  } else {
    const Instant later = now() + queue_.retry_delay(++entry->attempts, world_.random.next());
    if (!entry->is_parked()) entry->due = later;
    // Else it would be overdue at once, again and again, while the disk is not well.
    entry->expires = std::max(entry->expires, later);
    entry->warn = std::max(entry->warn, later);
    queue::NextHop& hop = *entry->hop;
    add(std::move(entry), hop);
  }
  return std::nullopt;
}

std::optional<Letter> Delivery::open(std::unique_ptr<Entry>& entry, route::Decision& decision) {
  // Since somebody took it out of the queue an operator may have decided otherwise.
  if (const Acted acted = take_acted(entry->id, entry->recipients); !acted.empty()) {
    settle_acted(std::move(entry), acted);
    return std::nullopt;
  }
  std::optional<Letter> letter = load(entry);
  if (!letter) return std::nullopt;

  // Where each recipient goes is worked out anew; what goes elsewhere by now leaves the entry.
  const Routing routing(*settings_, *letter->envelope);
  std::vector<std::uint32_t> staying, moving;
  for (const std::uint32_t recipient : entry->recipients) {
    if (!is_owed(letter->statuses[recipient])) continue;
    auto decided = routing.decide(recipient, letter->statuses[recipient]);
    if (!decided) continue;
    const bool stays = decided->next_hop == entry->hop->key();
    (stays ? staying : moving).push_back(recipient);
    if (stays) decision = std::move(*decided);
  }
  if (!moving.empty()) {
    file(entry->id, *letter->envelope, letter->statuses,
         {.only = &moving, .due = entry->due, .from = entry->hop->key()});
  }
  entry->recipients = std::move(staying);
  if (!entry->recipients.empty()) return letter;
  queue_.finished(std::move(entry), now());
  return std::nullopt;
}

void Delivery::announce_damage() {
  const std::vector<spool::Damage>& damage = world_.spool.damage();
  for (; damage_seen_ < damage.size(); ++damage_seen_) {
    ledger_.announce_damage(damage[damage_seen_]);
  }
}

}  // namespace delivery
