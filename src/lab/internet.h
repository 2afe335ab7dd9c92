#pragma once

#include <string>
#include <vector>

#include "lab/description.h"
#include "lab/journal.h"
#include "lab/ledger.h"

namespace lab {

/// One [expect] that does not hold.
struct Failure {
  std::string key;
  std::uint64_t expected = 0;
  std::uint64_t found = 0;
};

/// What came of it.
struct Result {
  Totals totals;
  std::vector<Failure> failures;
  std::vector<Ledger::Key> lost;  ///< In their order.
  std::vector<Journey> journeys;
  std::vector<Outage> outages;
  std::vector<std::string> machines;  ///< Clients first, then our servers, then foreign hosts.
  base::Duration took{};              ///< Simulated.
  bool done = false;                  ///< Nothing was left to happen; else the time was over.
  std::string problem;  ///< For people: a server that could not start. Then nothing else counts.

  /// Nothing is lost or altered, and everything is as expected.
  [[nodiscard]] bool balances() const {
    return problem.empty() && totals.lost == 0 && totals.altered == 0 && failures.empty();
  }
};

/// Runs all of it in simulated time. The same description and seed give the same result.
[[nodiscard]] Result run(const Description& description, std::uint64_t seed);

}  // namespace lab
