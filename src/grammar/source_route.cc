#include "grammar/source_route.h"

#include <algorithm>
#include <iterator>
#include <unordered_set>
#include <utility>

namespace grammar {

Onward take_off(const std::vector<Domain>& route, const IsOurs& is_ours) {
  Onward out;
  const bool names_us = !route.empty() && is_ours(route.front());
  out.route.assign(route.begin() + (names_us ? 1 : 0), route.end());
  std::unordered_set<Domain> seen;
  if (names_us) seen.insert(route.front());
  // Our own name stands at the front or nowhere.
  for (const Domain& host : out.route) {
    const bool is_new = seen.insert(host).second;
    if (is_new && !is_ours(host)) continue;
    out.loops = true;
    out.twice = host;
    break;
  }
  return out;
}

std::vector<Domain> way_back(const std::vector<Domain>& route, const IsOurs& is_ours) {
  const auto last = std::find_if(route.rbegin(), route.rend(), is_ours);
  return {last.base(), route.end()};
}

ReversePath put_in_front(const Domain& host, const ReversePath& path, const IsOurs& is_ours) {
  if (path.is_null()) return path;
  ReversePath out{.route = {host}, .mailbox = path.mailbox};
  std::ranges::move(way_back(path.route, is_ours), std::back_inserter(out.route));
  const std::size_t octets = std::max(out.print().size(), out.print(DomainForm::ascii).size());
  if (octets > built_path_octets_max) out.route.clear();
  return out;
}

}  // namespace grammar
