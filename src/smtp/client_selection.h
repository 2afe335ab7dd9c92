#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "smtp/client_types.h"

// What need not be asked of a next hop, since what it offers says the answer.
namespace smtp {

/// Our own reply when this next hop cannot take the transaction, for whomever.
[[nodiscard]] std::optional<Reply> refusal_for(const Transaction& transaction,
                                               const Capabilities& peer);

/// Whom a transaction asks for.
struct Selection {
  std::vector<std::size_t> asked;        ///< Indices of forward-paths, ascending.
  std::vector<RecipientResult> results;  ///< One for each forward-path; good for the others.
  bool smtputf8 = false;                 ///< Those who are asked for need it.
};

/// Chooses the recipients of one transaction: as many as LIMITS allow [RFC9422 4], and without
/// SMTPUTF8 those in US-ASCII alone. With all_or_nothing, LIMITS are the peer's business, and
/// nobody is asked for when one cannot be.
[[nodiscard]] Selection select_recipients(const Transaction& transaction, const Capabilities& peer);

}  // namespace smtp
