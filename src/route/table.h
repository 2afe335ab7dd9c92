#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "grammar/mailbox.h"
#include "route/step.h"
#include "route/target.h"

namespace route {

/// Which recipients a rule is for.
struct RecipientPattern {
  enum class Kind : std::uint8_t { address, domain, below, any };
  Kind kind = Kind::any;
  std::string local;       ///< Of an address: the meaning of its local-part, in lower case.
  grammar::Domain domain;  ///< But of any.

  /// `user@domain` | `domain` | `*.domain` (below it, not itself) | `*`. The error is for people.
  [[nodiscard]] static std::expected<RecipientPattern, std::string> parse(std::string_view text);
  /// The local-part compares without case (ASCII): the rule is ours, not the receiving host's.
  [[nodiscard]] bool matches(const grammar::Mailbox& recipient) const;
  [[nodiscard]] std::string print() const;

  friend bool operator==(const RecipientPattern&, const RecipientPattern&) = default;
};

/// One `[[route]]`. Conditions on sender, network and user will stand beside `recipient`.
struct Rule {
  RecipientPattern recipient;
  Target via;
  std::string lane;
};

/// All `[[route]]` rules, in order; the first match wins. Finds it by hashing the recipient's
/// address and domains, however many rules there are. Immutable.
class RouteTable {
 public:
  RouteTable() = default;
  explicit RouteTable(std::vector<Rule> rules);

  /// The first rule that matches. It never takes mail away from a domain of ours (`ours`) unless it
  /// names that domain, or an address in it. With steps: the rules that were tried.
  [[nodiscard]] const Rule* find(const grammar::Mailbox& recipient, bool ours,
                                 Steps steps = nullptr) const;

  [[nodiscard]] const std::vector<Rule>& rules() const { return rules_; }

 private:
  using Indexes = std::vector<std::uint32_t>;  ///< Into rules_, ascending.
  /// So that a part of a domain is found without a copy of it.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Map = std::unordered_map<std::string, Indexes, Hash, std::equal_to<>>;

  void explain(const grammar::Mailbox& recipient, bool ours, const Rule* found,
               std::vector<Step>& steps) const;

  std::vector<Rule> rules_;
  Map addresses_;  ///< By key of local-part and domain.
  Map domains_;    ///< By canonical domain.
  Map below_;      ///< By canonical domain above.
  Indexes any_;
};

}  // namespace route
