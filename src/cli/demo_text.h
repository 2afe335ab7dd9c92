#pragma once

#include <string>

#include "base/time.h"
#include "cli/demo_journey.h"

namespace cli {

/// Both journeys, told side by side.
struct DemoTale {
  DemoJourney routed, direct;
  base::Duration elapsed{};  ///< Of the whole performance.
};

/// Within a hundred columns.
[[nodiscard]] std::string demo_text(const DemoTale& tale);
[[nodiscard]] std::string demo_json(const DemoTale& tale);

}  // namespace cli
