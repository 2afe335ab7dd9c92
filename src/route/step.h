#pragma once

#include <string>
#include <vector>

namespace route {

/// One step of a decision, for people: what was looked at, and what that led to.
struct Step {
  std::string what, why;
  friend bool operator==(const Step&, const Step&) = default;
};

/// Where the steps go; nullptr: nobody wants them, and then they cost nothing.
using Steps = std::vector<Step>*;

}  // namespace route
