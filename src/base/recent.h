#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace base {

/// Values by names, of which only so many are kept: those that were asked for last. Bounded, and
/// each operation costs the same whatever is in it: names lie in two generations; when the younger
/// one is half of all, the older one is forgotten.
template <class Value>
class Recent {
 public:
  explicit Recent(std::size_t most) : half_((most + 1) / 2) {}

  /// That of the name, made when there is none. Good until the next call.
  [[nodiscard]] Value& get(std::string_view name) {
    std::string key(name);
    if (const auto young = young_.find(key); young != young_.end()) return young->second;
    Value value{};
    if (auto old = old_.extract(key)) value = std::move(old.mapped());
    if (young_.size() >= half_) {
      old_ = std::move(young_);
      young_.clear();
    }
    return young_.emplace(std::move(key), std::move(value)).first->second;
  }

  /// That of the name; nullptr: there is none. Good until the next call. It does not count as asked
  /// for.
  [[nodiscard]] Value* find(std::string_view name) {
    const std::string key(name);
    for (Map* map : {&young_, &old_}) {
      if (const auto found = map->find(key); found != map->end()) return &found->second;
    }
    return nullptr;
  }

  void forget(std::string_view name) {
    const std::string key(name);
    young_.erase(key);
    old_.erase(key);
  }

  [[nodiscard]] std::size_t size() const { return young_.size() + old_.size(); }

 private:
  using Map = std::unordered_map<std::string, Value>;
  std::size_t half_;
  Map young_;
  Map old_;
};

}  // namespace base
