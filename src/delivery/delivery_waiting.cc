#include <algorithm>
#include <iterator>
#include <utility>

#include "delivery/delivery.h"
#include "delivery/routing.h"
#include "delivery/waiting.h"

// Mail that waits until somebody asks for it [RFC1985].
namespace delivery {

using base::Instant;
using base::WallTime;

namespace {

/// Messages that are looked at before ETRN is answered.
constexpr std::size_t counted_max = 1'000;
/// Messages that are read before others have their turn of the loop.
constexpr std::size_t loads_in_a_turn = 64;
constexpr std::size_t releasing_max = 4;

}  // namespace

std::optional<WallTime> Delivery::rate_holds(const queue::NextHop& hop,
                                             const spool::RecipientStatus& status) const {
  if (status.next_attempt > world_.clock.wall()) return std::nullopt;
  const Instant next = queue_.rate_allows(hop, now());
  return next > now() ? std::optional(wall_time(next)) : std::nullopt;
}

base::Task<std::vector<Choice>> Delivery::find_waiting(std::vector<base::MessageId> ids,
                                                       Wanted wanted) {
  std::vector<Choice> out;
  std::size_t loads = 0;
  for (const base::MessageId id : ids) {
    if (++loads % loads_in_a_turn == 0) co_await sys::Yield(world_.loop);
    if (stopping_) break;
    const auto message = world_.spool.load(id);
    if (!message) continue;  // Gone meanwhile.
    const Routing routing(*settings_, message->envelope);
    Choice choice{.id = id, .recipients = {}};
    for (std::uint32_t i = 0; i < message->envelope.recipients.size(); ++i) {
      const auto decision = routing.decide(i, message->statuses[i]);
      if (!decision ||
          !waits_for_etrn(*settings_, *decision, message->envelope, message->statuses[i]))
        continue;
      if (wanted(*decision)) choice.recipients.push_back(i);
    }
    if (!choice.recipients.empty()) out.push_back(std::move(choice));
  }
  co_return out;
}

base::Task<> Delivery::release(std::vector<Choice> chosen, std::vector<base::MessageId> rest,
                               Wanted wanted, std::string by) {
  if (!chosen.empty()) (void)co_await act(QueueAction::release, std::move(chosen), by);
  if (!rest.empty()) {
    std::vector<Choice> more = co_await find_waiting(std::move(rest), std::move(wanted));
    if (!more.empty()) (void)co_await act(QueueAction::release, std::move(more), by);
  }
  --releasing_;
}

base::Task<Delivery::Released> Delivery::release_waiting(Wanted wanted, std::string by) {
  if (!running_ || stopping_ || releasing_ >= releasing_max) co_return Released{};
  ++releasing_;
  std::vector<base::MessageId> ids = queue_.parked();
  const auto end = ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), counted_max));
  std::vector<base::MessageId> rest(end, ids.end());
  ids.erase(end, ids.end());
  std::vector<Choice> chosen = co_await find_waiting(std::move(ids), wanted);
  Released out{.started = true};
  if (rest.empty()) out.messages = chosen.size();
  workers_.spawn(release(std::move(chosen), std::move(rest), std::move(wanted), std::move(by)));
  co_return out;
}

}  // namespace delivery
