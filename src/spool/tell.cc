#include "spool/tell.h"

#include <algorithm>
#include <tuple>

namespace spool {

using base::Io;
using base::MessageId;

Unknown unknown_of(const Recovery& recovery) {
  Unknown out;
  for (const Recovery::LateChange& late : recovery.late)
    if (!late.unknown.empty()) out.emplace(late.id, late.unknown);
  return out;
}

Io<> tell(Store& store, RecoverySink& sink, const Unknown& unknown, Recovered& out,
          const std::function<void(const DamageBody&)>& on_damage) {
  struct Place {
    std::uint32_t epoch;
    std::uint32_t offset;
    MessageId id;
  };
  std::vector<Place> order;
  order.reserve(store.entries().size());
  for (const auto& [id, entry] : store.entries())
    order.push_back({entry.accepted.epoch, entry.accepted.offset, id});
  std::ranges::sort(order, {}, [](const Place& place) {
    return std::tuple(place.epoch, place.offset, place.id);
  });

  std::vector<RecipientStatus> statuses;
  for (const Place& place : order) {
    auto loaded = store.load(place.id);
    if (!loaded && loaded.error().code == base::IoErrorCode::failed &&
        store.last_damage().id == place.id) {
      on_damage(store.last_damage());
      continue;
    }
    if (!loaded) return std::unexpected(loaded.error());
    statuses.clear();
    for (StatusItem& item : loaded->items) statuses.push_back(std::move(item.status));
    static const std::vector<std::uint32_t> none;
    const auto found = unknown.find(place.id);
    const std::vector<std::uint32_t>& cut_off = found == unknown.end() ? none : found->second;
    sink.message({.id = place.id,
                  .envelope = loaded->accepted.envelope,
                  .statuses = statuses,
                  .newly_unknown = cut_off,
                  .size = store.find(place.id)->size});
    ++out.messages;
    out.unknown += cut_off.size();
  }
  return {};
}

}  // namespace spool
