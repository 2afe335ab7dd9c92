#pragma once

#include <memory>
#include <string>

#include "base/task.h"
#include "directory/snapshot.h"
#include "sasl/mechanism.h"
#include "smtp/server_event.h"
#include "smtp/server_session.h"
#include "sys/workers.h"

namespace reception {

/// The AUTH exchanges of one session: carries the mechanism's octets, and has passwords checked off
/// the loop.
class Login {
 public:
  Login(sys::Workers& workers, sys::Loop& loop) : workers_(workers), loop_(loop) {}

  /// Takes the events of AUTH and answers the session. `directory` must outlive it.
  [[nodiscard]] base::Task<> started(smtp::AuthStarted event, smtp::ServerSession& session,
                                     const directory::Snapshot& directory);
  [[nodiscard]] base::Task<> responded(smtp::AuthResponse event, smtp::ServerSession& session,
                                       const directory::Snapshot& directory);
  void cancelled() { mechanism_.reset(); }

  /// Who has logged in; empty: nobody.
  [[nodiscard]] const std::string& user() const { return user_; }

 private:
  [[nodiscard]] base::Task<> take(sasl::Step step, smtp::ServerSession& session,
                                  const directory::Snapshot& directory);

  sys::Workers& workers_;
  sys::Loop& loop_;
  std::unique_ptr<sasl::ServerMechanism> mechanism_;
  std::string user_;
};

}  // namespace reception
