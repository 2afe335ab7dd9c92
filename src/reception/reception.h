#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/group.h"
#include "engine/event_log.h"
#include "engine/signal.h"
#include "engine/timers.h"
#include "policy/rate_limits.h"
#include "policy/session_limits.h"
#include "reception/scram_accounts.h"
#include "reception/settings.h"
#include "smtp/command.h"
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
  /// Asks the LMTP server of a domain with `recipients = "ask"`, or, without a target, the next hop
  /// of a relay domain; waits a bounded time. Empty: there is nobody who could ask.
  std::function<base::Task<AskedRecipient>(std::string deliver_target, std::string forward_path)>
      ask = {};
  sys::Random* random = nullptr;  ///< For SCRAM, which there is none of without.
  /// Releases what waits for ETRN. Empty: nothing does.
  std::function<base::Task<QueueStarted>(smtp::EtrnCommand command, std::string client)>
      start_queue = {};
};

/// Since the start.
struct Counters {
  std::uint64_t received = 0;        ///< Messages.
  std::uint64_t rejected = 0;        ///< Events of that name: commands, recipients, contents.
  std::uint64_t sessions_total = 0;  ///< Connections accepted, those that are turned away included.
  std::uint64_t rate_limited = 0;    ///< Messages and recipients refused for a rate.
  std::uint64_t etrn = 0;            ///< Requests that were obeyed.
};

class Session;

/// Listens, and holds the sessions. What they accept is handed over, durable, with the 250.
class Reception {
 public:
  using OnAccepted =
      std::function<void(const spool::StoredMessage&, std::vector<spool::Expanded> expanded)>;
  using Counters = reception::Counters;

  Reception(const ReceptionWorld& world, std::shared_ptr<const Settings> settings,
            OnAccepted on_accepted);
  ~Reception();

  /// Binds every listener; the error names the one that could not be bound. Nothing is accepted
  /// before run().
  [[nodiscard]] std::expected<void, std::string> listen();
  /// Binds what is new in the settings, then takes them over: listeners that are gone accept no
  /// more, open sessions keep the settings that they began with. After an error nothing has
  /// changed.
  [[nodiscard]] std::expected<void, std::string> reload(std::shared_ptr<const Settings> settings);
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
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  friend class Session;
  class Grace;

  /// A bound listener.
  struct Listening {
    std::unique_ptr<sys::Listener> socket;
    std::size_t index = 0;  ///< Of its settings in `settings_`.
    base::Endpoint address;
    std::string unix_path;
    base::Group accepting;
  };
  using Listenings = std::vector<std::shared_ptr<Listening>>;

  [[nodiscard]] std::expected<std::shared_ptr<Listening>, std::string> bind(
      const ListenerSettings& settings);
  /// Those of the settings: open ones are kept, the others bound.
  [[nodiscard]] std::expected<Listenings, std::string> bind_all(const Settings& settings);
  [[nodiscard]] base::Task<> keep_accepting(std::shared_ptr<Listening> listening);
  [[nodiscard]] base::Task<> accept_all(Listening& listening);
  [[nodiscard]] base::Task<> serve(std::unique_ptr<sys::Connection> connection,
                                   std::size_t listener);
  [[nodiscard]] base::Task<> turn_away(std::unique_ptr<sys::Connection> connection);

  ReceptionWorld world_;
  std::shared_ptr<const Settings> settings_;
  std::shared_ptr<const ScramAccounts> scram_accounts_;  ///< Of settings_.
  OnAccepted on_accepted_;
  policy::SessionLimits limits_;
  policy::RateLimits rates_;
  Listenings listeners_;  ///< In the order of the settings.
  std::list<Session*> sessions_;
  Counters counters_;
  std::unique_ptr<Grace> grace_;
  engine::Signal stopped_;
  bool running_ = false;
  base::Group acceptors_;
  base::Group serving_;
};

}  // namespace reception
