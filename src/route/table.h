#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "grammar/mailbox.h"
#include "route/auth.h"
#include "route/origin.h"
#include "route/pattern.h"
#include "route/pattern_key.h"
#include "route/rewrite.h"
#include "route/rows.h"
#include "route/step.h"
#include "route/target.h"
#include "route/tls_demand.h"

namespace route {

/// One `[[route]]`. All conditions that are given must match.
struct Rule {
  AddressPattern recipient;
  Target via;
  std::string lane;
  std::optional<SenderPattern> sender = {};
  std::optional<base::Network> network = {};   ///< Of the client's address.
  std::optional<UserPattern> user = {};        ///< Who logged in.
  std::shared_ptr<const RouteAuth> auth = {};  ///< Only if `via` is a host.
  std::optional<TlsDemand> tls = {};           ///< nullopt: as for all deliveries.
  std::shared_ptr<const Rows> table = {};      ///< In place of `recipient` and `via`.
  /// What local-parts mean at the gateway that `via` is; only of a rule that names a domain.
  Rewrite rewrite = Rewrite::none;
};

/// The rule for a recipient.
struct Match {
  const Rule* rule;
  const Target* via;     ///< Of the rule, or of its table's row.
  std::size_t line = 0;  ///< Of the row in the table's file; 0: the rule has no table.
};

/// All `[[route]]` rules, in order; the first match wins. Finds it by hashing the addresses and
/// domains of recipient and sender, however many rules there are; those that share both are tried
/// one by one, as are those with a table, in which a row is found by hashing. Immutable, and cheap
/// to copy.
class RouteTable {
 public:
  RouteTable();
  explicit RouteTable(std::vector<Rule> rules);

  /// The first rule that matches. It never takes mail away from a domain of ours (`ours`) unless it
  /// names that domain, or an address in it. `origin` may be nullptr: rules with conditions on it
  /// do not match. With steps: the rules that were tried.
  [[nodiscard]] std::optional<Match> find(const grammar::Mailbox& recipient, bool ours,
                                          const Origin* origin = nullptr,
                                          Steps steps = nullptr) const;

  [[nodiscard]] const std::vector<Rule>& rules() const { return parts_->rules; }

 private:
  using Indexes = std::vector<std::uint32_t>;  ///< Into the rules, ascending.

  /// The rules for one recipient pattern.
  struct Bucket {
    Indexes any_sender;
    KeyMap<Indexes> by_sender;
  };
  struct Parts {
    std::vector<Rule> rules;
    KeyMap<Bucket> by_recipient;
    Indexes with_table;
  };

  /// The first of `indexes` before `best` whose conditions on client and user hold, or `best`.
  [[nodiscard]] std::uint32_t first_of(const Indexes& indexes, const Origin* origin,
                                       std::uint32_t best) const;
  [[nodiscard]] std::uint32_t first_in(const Bucket& bucket, const Origin* origin,
                                       std::uint32_t best) const;
  /// The same among the rules with tables.
  [[nodiscard]] std::optional<Match> first_with_row(const grammar::Mailbox& recipient, bool ours,
                                                    const Origin* origin, std::uint32_t best) const;
  void explain(const grammar::Mailbox& recipient, bool ours, const Origin* origin,
               const std::optional<Match>& found, std::vector<Step>& steps) const;

  std::shared_ptr<const Parts> parts_;
};

}  // namespace route
