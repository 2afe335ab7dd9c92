#pragma once

#include <string>

#include "grammar/path.h"
#include "reception/settings.h"

namespace reception {

/// What became of the source route of a forward-path.
struct SourceRoute {
  bool given = false;
  bool honored = false;
  bool loops = false;      ///< It comes to one host twice.
  std::string twice = {};  ///< That host.
};

/// Takes ourselves off the front of the route where source routes are honored, or else takes the
/// whole route away [RFC5321 3.6.1] [RFC5321 F.2].
[[nodiscard]] SourceRoute take_source_route(grammar::ForwardPath& path, const Settings& settings);

}  // namespace reception
