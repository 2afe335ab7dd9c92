#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/task.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "route/auth.h"

namespace sys {
class Disk;
class Loop;
class Programs;
}  // namespace sys

namespace delivery {

/// A bearer token.
struct Token {
  crypto::Secret octets;
  bool kept = false;  ///< From an earlier login: the host may know better by now.
};

/// The tokens that routes log in with: read from a file at each login, since whoever renews them
/// writes a new file; or made by a program, and kept as long as its RouteAuth says, or until a host
/// refuses them. However many connections want the token of one program at once, it runs once.
class Tokens {
 public:
  struct World {
    sys::Loop& loop;
    sys::Disk& disk;
    sys::Programs& programs;
  };
  /// All must outlive it.
  explicit Tokens(const World& world);
  ~Tokens();

  /// The error is for people, and holds nothing that the program wrote.
  [[nodiscard]] base::Task<std::expected<Token, std::string>> get(
      std::shared_ptr<const route::RouteAuth> auth);

  /// A host has refused this token. If it is still the one that is kept, it is kept no longer.
  void refused(const route::RouteAuth& auth, const crypto::Secret& token);

  static constexpr base::Duration program_time_max = std::chrono::seconds(30);
  /// Kept at once; beyond it all go that nobody waits for.
  static constexpr std::size_t kept_max = 1'000;

 private:
  class Run;
  struct Made;

  [[nodiscard]] std::expected<Token, std::string> read(const std::string& path);
  [[nodiscard]] base::Task<std::expected<Token, std::string>> make(
      std::shared_ptr<const route::RouteAuth> auth);
  [[nodiscard]] Made& made_of(const std::string& key);

  World world_;
  std::unordered_map<std::string, std::unique_ptr<Made>> made_;  ///< By command.
};

}  // namespace delivery
