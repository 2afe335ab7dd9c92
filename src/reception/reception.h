#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/group.h"
#include "engine/event_log.h"
#include "engine/timers.h"
#include "policy/session_limits.h"
#include "reception/settings.h"
#include "spool/spool.h"
#include "sys/net.h"
#include "sys/workers.h"

namespace reception {

/// What reception meets the world through; all outlive it.
struct ReceptionWorld {
  sys::Loop& loop;
  sys::Clock& clock;
  sys::Net& net;
  sys::Workers& workers;
  engine::Timers& timers;
  engine::EventLog& log;
  spool::Spool& spool;
};

class Session;

/// Listens, and holds the sessions. What they accept is handed over, durable, with the 250.
class Reception {
 public:
  using OnAccepted = std::function<void(const spool::StoredMessage&)>;

  Reception(const ReceptionWorld& world, std::shared_ptr<const Settings> settings,
            OnAccepted on_accepted);
  ~Reception();

  /// Binds every listener; the error names the one that could not be bound. Nothing is accepted
  /// before run().
  [[nodiscard]] std::expected<void, std::string> listen();
  /// The bound addresses, in the order of the settings.
  [[nodiscard]] std::vector<base::Endpoint> addresses() const;

  /// Accepts connections until stop(), and ends with the last session.
  [[nodiscard]] base::Task<> run();
  /// No more connections. Sessions are told 421 when their transaction is over; what is left after
  /// `stop_grace` is cut off.
  void stop();
  /// Cuts off everything at once: the world has ended.
  void abort();
  static constexpr base::Duration stop_grace = std::chrono::seconds(30);

  [[nodiscard]] const std::shared_ptr<const Settings>& settings() const { return settings_; }
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }
  [[nodiscard]] std::uint64_t received() const { return received_; }

 private:
  friend class Session;
  class Grace;

  [[nodiscard]] base::Task<> accept_all(std::size_t listener);
  [[nodiscard]] base::Task<> serve(std::unique_ptr<sys::Connection> connection,
                                   std::size_t listener);
  [[nodiscard]] base::Task<> turn_away(std::unique_ptr<sys::Connection> connection);

  ReceptionWorld world_;
  std::shared_ptr<const Settings> settings_;
  OnAccepted on_accepted_;
  policy::SessionLimits limits_;
  std::vector<std::unique_ptr<sys::Listener>> listeners_;
  std::list<Session*> sessions_;
  std::uint64_t received_ = 0;
  std::unique_ptr<Grace> grace_;
  base::Group acceptors_;
  base::Group serving_;
};

}  // namespace reception
