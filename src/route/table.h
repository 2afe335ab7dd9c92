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

/// All `[[route]]` rules, in order; the first match wins. Finds it by hashing the addresses and
/// domains of recipient and sender, however many rules there are; those that share both are tried
/// one by one. Immutable.
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
  template <class Value>
  using Map = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;

  /// The rules for one recipient pattern.
  struct Bucket {
    Indexes any_sender;
    Map<Indexes> by_sender;
  };

  /// The first of `indexes` before `best` whose conditions on client and user hold, or `best`.
  [[nodiscard]] std::uint32_t first_of(const Indexes& indexes, const Origin* origin,
                                       std::uint32_t best) const;
  [[nodiscard]] std::uint32_t first_in(const Bucket& bucket, const Origin* origin,
                                       std::uint32_t best) const;
  void explain(const grammar::Mailbox& recipient, bool ours, const Origin* origin,
               const Rule* found, std::vector<Step>& steps) const;

  std::vector<Rule> rules_;
  Map<Bucket> by_recipient_;
};

}  // namespace route
