#include "route/rows.h"

#include <limits>

#include "base/assert.h"

namespace route {

std::optional<std::size_t> Rows::add(const AddressPattern& recipient, const Target& via,
                                     std::size_t line) {
  constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
  PH_ASSERT(rows_.size() < most && line < most);
  const auto [row, is_new] = rows_.try_emplace(key_of(recipient));
  if (!is_new) return row->second.line;
  const auto [target, is_new_target] =
      target_by_text_.try_emplace(via.print(), static_cast<std::uint32_t>(targets_.size()));
  if (is_new_target) targets_.push_back(via);
  row->second = {target->second, static_cast<std::uint32_t>(line)};
  return std::nullopt;
}

std::optional<Rows::Found> Rows::find(const grammar::Mailbox& recipient, bool ours,
                                      std::size_t* look_ups) const {
  std::optional<Found> out;
  const auto take = [&](std::string_view key) {
    if (out) return;
    if (look_ups != nullptr) ++*look_ups;
    const auto row = rows_.find(key);
    if (row != rows_.end()) out = Found{&targets_[row->second.target], row->second.line};
  };
  for_each_key(recipient, !ours, take);
  if (!ours) take(any_key);
  return out;
}

}  // namespace route
