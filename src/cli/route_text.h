#pragma once

#include <string>

#include "cli/route_explain.h"

namespace cli {

/// For people: the answer, then the reasons. Escaped.
[[nodiscard]] std::string route_as_text(const RouteAnswer& answer);
/// The object of `route --json`, in one line.
[[nodiscard]] std::string route_as_json(const RouteAnswer& answer);

}  // namespace cli
