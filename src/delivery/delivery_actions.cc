#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "delivery/delivery.h"
#include "delivery/routing.h"
#include "delivery/waiting.h"

// What operators do to recipients. The spool's statuses say what is in force; the queue follows:
// what waits is taken out, changed on disk, and filed anew where it belongs then. A recipient that
// is neither waiting nor held is in flight: what was done to it is remembered until its attempt has
// ended (`acted_`). Until then it is held on disk where it shall not be tried again, so that a
// crash leaves it in an operator's hands and not in the queue.
namespace delivery {

using base::Instant;
using queue::Entry;
using spool::RecipientState;

namespace {

/// Messages for which one look through the queue is taken.
constexpr std::size_t choices_at_once = 16'384;
/// Messages that are acted upon before others have their turn of the loop.
constexpr std::size_t choices_in_a_turn = 64;

/// Sorted, each message and recipient once.
std::vector<Choice> normal(std::vector<Choice> chosen) {
  std::ranges::sort(chosen, {}, &Choice::id);
  std::vector<Choice> out;
  for (Choice& choice : chosen) {
    if (out.empty() || out.back().id != choice.id) {
      out.push_back(std::move(choice));
    } else {
      std::vector<std::uint32_t>& all = out.back().recipients;
      all.insert(all.end(), choice.recipients.begin(), choice.recipients.end());
    }
  }
  for (Choice& choice : out) {
    std::ranges::sort(choice.recipients);
    const auto [first, last] = std::ranges::unique(choice.recipients);
    choice.recipients.erase(first, last);
  }
  return out;
}

std::string_view event_of(QueueAction action) {
  switch (action) {
    case QueueAction::hold: return "held";
    case QueueAction::release: return "released";
    case QueueAction::drop: return "dropped";
    case QueueAction::reroute: return "rerouted";
    case QueueAction::retry:
    case QueueAction::bounce: return "";  // Its report's event says it.
  }
  return "";
}

/// What comes of it is due at once.
bool hastens(QueueAction action) {
  return action == QueueAction::retry || action == QueueAction::release ||
         action == QueueAction::reroute;
}

bool ends(QueueAction action) {
  return action == QueueAction::drop || action == QueueAction::bounce;
}

/// Whether the action means anything to a recipient that is still owed. `waits`: for ETRN.
bool applies(QueueAction action, bool held, bool waits) {
  switch (action) {
    case QueueAction::retry: return !held && !waits;
    case QueueAction::hold: return !held;
    case QueueAction::release: return held || waits;
    case QueueAction::bounce:
    case QueueAction::drop:
    case QueueAction::reroute: return true;
  }
  return false;
}

}  // namespace

/// Operators act one after the other.
class Delivery::Turn {
 public:
  explicit Turn(Delivery& delivery) : delivery_(delivery), signal_(delivery.world_.loop) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    if (!mine_) return;
    if (delivery_.turns_.empty()) {
      delivery_.acting_ = false;
      return;
    }
    delivery_.turns_.front()->notify();
    delivery_.turns_.pop_front();
  }

  /// False: cancelled before it came.
  [[nodiscard]] base::Task<bool> begin() {
    mine_ = !std::exchange(delivery_.acting_, true);
    if (mine_) co_return true;
    delivery_.turns_.push_back(&signal_);
    mine_ = (co_await signal_.wait()).has_value();
    if (!mine_) std::erase(delivery_.turns_, &signal_);
    co_return mine_;
  }

 private:
  Delivery& delivery_;
  engine::Signal signal_;
  bool mine_ = false;
};

base::Task<std::size_t> Delivery::act(QueueAction action, base::MessageId id,
                                      std::vector<std::uint32_t> recipients, std::string via) {
  std::vector<Choice> chosen;
  chosen.push_back({id, std::move(recipients)});
  return act(action, std::move(chosen), std::move(via));
}

base::Task<std::size_t> Delivery::act(QueueAction action, std::vector<Choice> chosen,
                                      std::string via) {
  if (action == QueueAction::reroute && !route::parse_via(via)) co_return 0;
  Turn turn(*this);
  if (!co_await turn.begin()) co_return 0;
  chosen = normal(std::move(chosen));
  std::size_t count = 0;
  for (std::span<const Choice> rest = chosen; !rest.empty();) {
    const auto some = rest.first(std::min(rest.size(), choices_at_once));
    rest = rest.subspan(some.size());
    std::unordered_map<base::MessageId, Taken> taken = take_out(some);
    std::size_t done = 0;
    for (const Choice& choice : some) {
      count += co_await act_on(action, choice, std::move(taken[choice.id]), via);
      if (++done % choices_in_a_turn == 0) co_await sys::Yield(world_.loop);
    }
  }
  co_return count;
}

/// What waits of the chosen recipients.
std::unordered_map<base::MessageId, Delivery::Taken> Delivery::take_out(
    std::span<const Choice> chosen) {
  std::unordered_map<base::MessageId, const Choice*> wanted;
  for (const Choice& choice : chosen) wanted.emplace(choice.id, &choice);
  auto entries = queue_.extract(
      [&](const Entry& entry) {
        std::vector<std::uint32_t> both;
        const auto found = wanted.find(entry.id);
        if (found != wanted.end()) {
          std::ranges::set_intersection(entry.recipients, found->second->recipients,
                                        std::back_inserter(both));
        }
        return both;
      },
      now());
  std::unordered_map<base::MessageId, Taken> out;
  for (auto& entry : entries) out[entry->id].push_back(std::move(entry));
  return out;
}

/// What an action changes of one message.
struct Delivery::Effect {
  spool::Change change;  ///< With an event for each recipient.
  spool::Change quiet;   ///< Without: in flight, and to be ended.
  std::vector<std::uint32_t> bounced;
  std::vector<std::uint32_t> hurried;
  std::vector<std::uint32_t> released;
  std::size_t count = 0;
};

Delivery::Effect Delivery::effect_of(QueueAction action, const Choice& choice, const Letter& letter,
                                     const Taken& taken, const std::string& via) {
  Effect out{.change = {letter.id, {}}, .quiet = {letter.id, {}}};
  for (const std::uint32_t recipient : choice.recipients) {
    if (recipient >= letter.statuses.size()) continue;
    spool::RecipientStatus status = letter.statuses[recipient];
    if (is_final(status.state)) continue;
    const bool held = status.state == RecipientState::held;
    const bool waits_to_be_asked = waits_for_etrn(*settings_, *letter.envelope, recipient, status);
    if (!applies(action, held, waits_to_be_asked)) continue;
    ++out.count;
    const auto acted = acted_.find(letter.id);
    const bool waits = std::ranges::any_of(taken, [&](const std::unique_ptr<Entry>& entry) {
      return std::ranges::binary_search(entry->recipients, recipient);
    });
    const bool flies =
        (!held && !waits) || (acted != acted_.end() && acted->second.contains(recipient));
    if (flies && !(held && action == QueueAction::reroute)) {
      acted_[letter.id].insert_or_assign(recipient, action);
    }
    if (hastens(action)) {
      status.next_attempt = release_time(*letter.envelope, world_.clock.wall());
    }
    if (action == QueueAction::retry) {
      out.hurried.push_back(recipient);
      if (running_) continue;
    } else if (action == QueueAction::reroute) {
      status.reroute = via;
    } else if (action == QueueAction::release) {
      status.state = status.attempts > 0 ? RecipientState::deferred : RecipientState::ready;
      if (!flies && held) out.released.push_back(recipient);
    } else if (action == QueueAction::hold || flies) {
      status.state = RecipientState::held;
    } else if (action == QueueAction::bounce) {
      out.bounced.push_back(recipient);
      continue;
    } else {
      status.state = RecipientState::dropped;
    }
    (flies && ends(action) ? out.quiet : out.change).items.push_back({recipient, status});
  }
  return out;
}

base::Task<std::size_t> Delivery::act_on(QueueAction action, const Choice& choice, Taken taken,
                                         const std::string& via) {
  forget_fresh(choice.id);
  base::Io<Letter> letter = load_letter(world_.spool, choice.id);
  if (!letter) {
    announce_damage();
    for (auto& entry : taken) give_back(std::move(entry));
    co_return 0;
  }
  Effect effect = effect_of(action, choice, *letter, taken, via);
  for (const spool::Change* change : {&effect.change, &effect.quiet}) {
    for (const spool::Change::Item& item : change->items) {
      letter->statuses[item.recipient] = item.status;
    }
  }
  std::size_t count = effect.count;
  if (!effect.change.items.empty()) {
    const bool durable =
        co_await ledger_.change(event_of(action), *letter, std::move(effect.change),
                                action == QueueAction::release ? via : std::string());
    if (!durable) count = 0;
  }
  if (!effect.quiet.items.empty()) {
    (void)co_await ledger_.change("", *letter, std::move(effect.quiet));
  }
  if (!effect.bounced.empty() && !co_await bounce(*letter, effect.bounced)) {
    count -= effect.bounced.size();
  } else {
    for (const std::uint32_t recipient : effect.bounced) {
      letter->statuses[recipient].state = RecipientState::bounced;
    }
  }
  hurry(*letter, effect.hurried);
  for (auto& entry : taken) {
    file(entry->id, *letter->envelope, letter->statuses,
         {.only = &entry->recipients,
          .due = hastens(action) ? now() : entry->due,
          .from = entry->hop->key()});
    queue_.finished(std::move(entry), now());
  }
  if (!effect.released.empty()) {
    file(letter->id, *letter->envelope, letter->statuses,
         {.only = &effect.released, .due = now(), .from = ""});
  }
  co_return count;
}

base::Task<bool> Delivery::bounce(const Letter& letter, std::vector<std::uint32_t> recipients) {
  const Routing routing(*settings_, *letter.envelope);
  std::vector<Result> results;
  for (const std::uint32_t recipient : recipients) {
    const spool::RecipientStatus& status = letter.statuses[recipient];
    std::string last = status.last_reply;
    if (const auto decision = routing.decide(recipient, status)) {
      const queue::NextHop* const hop = queue_.find_hop(decision->next_hop);
      if (hop != nullptr && hop->backing_off()) last = hop->failures().back().reply;
    }
    Result result{.recipient = recipient, .outcome = dsn::Outcome::bounced};
    result.reply = "given up by the postmaster of this server";
    if (!last.empty()) result.reply += "; the last reply was: " + last;
    results.push_back(std::move(result));
  }
  const std::string via = letter.statuses[recipients.front()].via;
  co_return co_await ledger_.record(
      letter, results, {.via = via, .made = false, .by_operator = true}, world_.clock.wall());
}

void Delivery::hurry(const Letter& letter, const std::vector<std::uint32_t>& recipients) {
  const Routing routing(*settings_, *letter.envelope);
  for (const std::uint32_t recipient : recipients) {
    notes_.retried(letter.id, address_of_path(letter.envelope->recipients[recipient].forward_path));
    const auto decision = routing.decide(recipient, letter.statuses[recipient]);
    queue::NextHop* const hop = decision ? queue_.find_hop(decision->next_hop) : nullptr;
    if (hop == nullptr) continue;
    queue_.hurry(*hop, now());
    if (running_ || !hop->backing_off()) continue;
    // What failed stays known: it counts for the messages that wait.
    world_.spool.put_hop(hop->key(), encode_hop({hop->failures(), world_.clock.wall()}));
  }
}

Delivery::Acted Delivery::take_acted(base::MessageId id,
                                     const std::vector<std::uint32_t>& recipients) {
  Acted out;
  const auto found = acted_.find(id);
  if (found == acted_.end()) return out;
  for (const std::uint32_t recipient : recipients) {
    if (auto node = found->second.extract(recipient)) out.insert(std::move(node));
  }
  if (found->second.empty()) acted_.erase(found);
  return out;
}

/// An entry that operators have acted upon comes back: its recipients go where they belong by now.
void Delivery::settle_acted(std::unique_ptr<Entry> entry, const Acted& acted) {
  const auto letter = load(entry);
  if (!letter) return;
  std::vector<std::uint32_t> at_once, later, dropped, bounced;
  for (const std::uint32_t recipient : entry->recipients) {
    const auto found = acted.find(recipient);
    if (found == acted.end() || found->second == QueueAction::hold) {
      later.push_back(recipient);
    } else if (hastens(found->second)) {
      at_once.push_back(recipient);
    } else {
      (found->second == QueueAction::drop ? dropped : bounced).push_back(recipient);
    }
  }
  file(entry->id, *letter->envelope, letter->statuses,
       {.only = &at_once, .due = now(), .from = entry->hop->key()});
  file(entry->id, *letter->envelope, letter->statuses,
       {.only = &later, .due = entry->due, .from = entry->hop->key()});
  queue_.finished(std::move(entry), now());
  if (!dropped.empty()) {
    workers_.spawn(end_acted(QueueAction::drop, letter->id, std::move(dropped)));
  }
  if (!bounced.empty()) {
    workers_.spawn(end_acted(QueueAction::bounce, letter->id, std::move(bounced)));
  }
}

base::Task<> Delivery::end_acted(QueueAction action, base::MessageId id,
                                 std::vector<std::uint32_t> recipients) {
  (void)co_await act(action, id, std::move(recipients));
}

std::size_t Delivery::retry(const Chosen& wanted) {
  auto taken = queue_.extract(
      [&](const Entry& entry) {
        std::vector<std::uint32_t> both;
        if (entry.is_parked()) return both;  // As what is held: until somebody releases it.
        const auto chosen = wanted(entry.id);
        if (!chosen) return entry.recipients;
        std::ranges::set_intersection(entry.recipients, *chosen, std::back_inserter(both));
        return both;
      },
      now());
  std::size_t count = 0;
  // Also for what is in flight, which nobody can name here.
  for (const std::string& key : queue_.hop_keys()) queue_.hurry(*queue_.find_hop(key), now());
  for (auto& entry : taken) {
    count += entry->recipients.size();
    entry->due = now();
    queue::NextHop& hop = *entry->hop;
    add(std::move(entry), hop);
  }
  return count;
}

}  // namespace delivery
