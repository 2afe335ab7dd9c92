#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/task.h"
#include "directory/snapshot.h"
#include "reception/scram_accounts.h"
#include "sasl/mechanism.h"
#include "smtp/server_event.h"
#include "smtp/server_session.h"
#include "sys/clock.h"
#include "sys/workers.h"

namespace reception {

/// The AUTH exchanges of one session: carries the mechanism's octets, and has passwords checked off
/// the loop.
class Login {
 public:
  /// `random`: nullptr: no SCRAM. `accounts` belong to `directory`. All outlive the login.
  Login(const directory::Snapshot& directory, std::shared_ptr<const ScramAccounts> accounts,
        sys::Workers& workers, sys::Loop& loop, sys::Random* random)
      : directory_(directory),
        accounts_(std::move(accounts)),
        workers_(workers),
        loop_(loop),
        random_(random) {}

  /// Takes the events of AUTH and answers the session.
  [[nodiscard]] base::Task<> started(smtp::AuthStarted event, smtp::ServerSession& session);
  [[nodiscard]] base::Task<> responded(smtp::AuthResponse event, smtp::ServerSession& session);
  void cancelled() { mechanism_.reset(); }

  /// Who has logged in; empty: nobody.
  [[nodiscard]] const std::string& user() const { return user_; }

 private:
  [[nodiscard]] base::Task<> take(sasl::Step step, smtp::ServerSession& session);
  [[nodiscard]] base::Task<> check_password(sasl::Credentials credentials,
                                            smtp::ServerSession& session);
  [[nodiscard]] sasl::Step give_verifier(const std::string& name);
  void end(const sasl::Verified& verified, smtp::ServerSession& session);

  const directory::Snapshot& directory_;
  std::shared_ptr<const ScramAccounts> accounts_;
  sys::Workers& workers_;
  sys::Loop& loop_;
  sys::Random* random_;
  std::unique_ptr<sasl::ServerMechanism> mechanism_;
  std::string user_;
};

}  // namespace reception
