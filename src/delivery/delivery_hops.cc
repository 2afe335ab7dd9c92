#include <utility>

#include "delivery/delivery.h"

// A next hop that cannot be reached: its trouble is recorded once, whatever waits for it.
namespace delivery {

using queue::Entry;

void Delivery::hop(std::string_view key, std::string_view blob) {
  auto record = decode_hop(blob);
  if (!record || record->failures.empty()) return;
  queue_.restore(queue_.hop(key), std::move(record->failures), instant(record->next_probe));
}

void Delivery::hop_failed(std::unique_ptr<Entry> entry, const Attempt& attempt,
                          const std::string& reply) {
  queue::NextHop& hop = *entry->hop;
  if (stopping_) return give_back(std::move(entry));  // Cut off by us: the hop is not to blame.
  if (hop.connected() > 0) {
    // Others have got through: it takes no more of us at once, and they see to the entry.
    queue_.full(hop, now());
    return give_back(std::move(entry));
  }
  const std::size_t known = hop.failures().size();
  const queue::HopFailure failure{world_.clock.wall(), reply};
  queue_.failed(hop, failure, now(), world_.random.next());
  const base::WallTime next_probe = wall_time(hop.next_probe());
  give_back(std::move(entry));
  // The worker that calls us still counts: the hop is there.
  if (hop.failures().size() == known && known < queue::NextHop::failures_max) return;
  world_.spool.put_hop(hop.key(), encode_hop({hop.failures(), next_probe}));
  notes_.unreached(attempt, reply, failure.time, next_probe);

  std::vector<std::pair<base::MessageId, std::vector<std::uint32_t>>> waiting;
  queue_.visit(hop, [&](Entry& waits) {
    forget_fresh(waits.id);
    if (waits.is_parked()) return;  // Nobody has asked for it yet.
    if (std::exchange(waits.announced, true)) return;
    waiting.emplace_back(waits.id, waits.recipients);
  });
  if (waiting.empty()) return;
  workers_.spawn(announce(hop.key(), attempt, failure, std::move(waiting)));
}

base::Task<> Delivery::announce(
    std::string hop, Attempt attempt, queue::HopFailure failure,
    std::vector<std::pair<base::MessageId, std::vector<std::uint32_t>>> waiting) {
  std::size_t done = 0;
  for (const auto& [id, recipients] : waiting) {
    const base::Io<Letter> letter = load_letter(world_.spool, id);
    const queue::NextHop* next = queue_.find_hop(hop);
    if (!letter || next == nullptr || !next->backing_off()) continue;
    for (const std::uint32_t recipient : recipients) {
      const spool::RecipientState state = letter->statuses[recipient].state;
      if (is_final(state) || state == spool::RecipientState::held) continue;
      ledger_.announce_wait(id, *letter->envelope, recipient, attempt, failure.reply, failure.time,
                            wall_time(next->next_probe()));
    }
    if (++done % 64 == 0) co_await sys::Yield(world_.loop);
    if (stopping_) co_return;
  }
}

void Delivery::hop_answered(queue::NextHop& hop, queue::Queue::Answer answer) {
  queue_.answered(hop, answer, now());
  rouse();
}

void Delivery::hop_reached(queue::NextHop& hop) {
  const bool was_backing_off = hop.backing_off();
  queue_.reached(hop, now());
  if (!was_backing_off) return;
  world_.spool.put_hop(hop.key(), "");
  signal_.notify();
}

}  // namespace delivery
