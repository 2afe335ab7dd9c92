#include "reception/source_route.h"

#include <utility>

#include "directory/snapshot.h"
#include "grammar/source_route.h"

namespace reception {

SourceRoute take_source_route(grammar::ForwardPath& path, const Settings& settings) {
  if (path.route.empty()) return {};
  if (settings.relay.source_routes != policy::SourceRoutes::honor) {
    path.route.clear();
    return {.given = true};
  }
  const auto hostname = grammar::Domain::parse(settings.hostname);
  grammar::Onward onward = grammar::take_off(path.route, [&](const grammar::Domain& host) {
    return (hostname && host == *hostname) || settings.directory->find_domain(host) != nullptr;
  });
  path.route = std::move(onward.route);
  return {.given = true, .honored = true, .loops = onward.loops, .twice = onward.twice.text()};
}

}  // namespace reception
