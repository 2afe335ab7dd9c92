#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/scram.h"
#include "directory/snapshot.h"

namespace reception {

/// The verifiers of SCRAM, and decoys for everybody who has none: what a login shows of an account
/// (salt and iterations) must not tell whether it exists [RFC5802 9]. Decoys are the same each
/// time, over restarts, too, as long as the first account with a verifier stays as it is.
class ScramAccounts {
 public:
  explicit ScramAccounts(std::shared_ptr<const directory::Snapshot> directory);

  struct Account {
    const directory::User* user = nullptr;  ///< nullptr: nobody; the verifier is a decoy.
    crypto::ScramVerifier verifier;
  };
  /// Costs the same for every name. An account without a password has no login.
  [[nodiscard]] Account find(std::string_view name) const;

 private:
  [[nodiscard]] crypto::ScramVerifier decoy(const std::string& name) const;

  std::shared_ptr<const directory::Snapshot> directory_;
  std::vector<const directory::User*> users_;  ///< Those with a verifier.
  std::string key_;                            ///< A secret.
};

}  // namespace reception
