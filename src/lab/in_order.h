#pragma once

#include <algorithm>
#include <functional>
#include <iterator>

namespace lab {

/// Sorts a short list, most of which is in order already; equal ones stay as they are.
template <class List, class Projection>
void put_in_order(List& list, Projection projection) {
  for (auto at = list.begin(); at != list.end(); ++at) {
    const auto place =
        std::ranges::upper_bound(list.begin(), at, std::invoke(projection, *at), {}, projection);
    std::rotate(place, at, std::next(at));
  }
}

}  // namespace lab
