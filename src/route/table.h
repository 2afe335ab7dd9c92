#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "grammar/mailbox.h"
#include "route/origin.h"
#include "route/pattern.h"
#include "route/step.h"
#include "route/target.h"

namespace route {

/// As whom we log in at a smart host. The password is kept elsewhere, by the name of its file.
struct RouteAuth {
  std::string user;
  std::string password_file;  ///< A path.
  friend bool operator==(const RouteAuth&, const RouteAuth&) = default;
};

/// One `[[route]]`. All conditions that are given must match.
struct Rule {
  AddressPattern recipient;
  Target via;
  std::string lane;
  std::optional<SenderPattern> sender = {};
  std::optional<base::Network> network = {};   ///< Of the client's address.
  std::optional<UserPattern> user = {};        ///< Who logged in.
  std::shared_ptr<const RouteAuth> auth = {};  ///< Only if `via` is a host.
};

/// All `[[route]]` rules, in order; the first match wins. Finds it by hashing the recipient's
/// address and domains, however many rules there are. Immutable.
class RouteTable {
 public:
  RouteTable() = default;
  explicit RouteTable(std::vector<Rule> rules);

  /// The first rule that matches. It never takes mail away from a domain of ours (`ours`) unless it
  /// names that domain, or an address in it. `origin` may be nullptr: rules with conditions on it
  /// do not match. With steps: the rules that were tried.
  [[nodiscard]] const Rule* find(const grammar::Mailbox& recipient, bool ours,
                                 const Origin* origin = nullptr, Steps steps = nullptr) const;

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
