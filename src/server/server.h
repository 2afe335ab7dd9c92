#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "admin/control.h"
#include "base/group.h"
#include "config/config.h"
#include "delivery/delivery.h"
#include "engine/event_log.h"
#include "engine/resolver.h"
#include "engine/timers.h"
#include "reception/reception.h"
#include "server/settings.h"
#include "server/world.h"
#include "spool/spool.h"

namespace server {

/// One mail server: every part of it, from a configuration and a world. start(), run(), and stop()
/// to make run() end; all on the world's loop.
class Server {
 public:
  /// `log_sink` gets the lines of the event log.
  Server(const World& world, std::shared_ptr<const config::Config> config,
         engine::EventLog::Sink log_sink);
  ~Server();

  /// Recovers the queue and binds every listener. After an error (for people) run() must still be
  /// awaited: it then ends at once.
  [[nodiscard]] base::Task<std::expected<void, std::string>> start();

  /// Serves until stop(), then ends in order: what is in flight is finished.
  [[nodiscard]] base::Task<> run();
  void stop();
  /// The world has ended: nothing that is tried has an effect any more. run() ends soon.
  void abort();

  [[nodiscard]] std::vector<base::Endpoint> addresses() const { return reception_->addresses(); }
  [[nodiscard]] const spool::Recovered& recovered() const { return recovered_; }
  [[nodiscard]] const config::Config& config() const { return *config_; }
  [[nodiscard]] engine::EventLog& log() { return log_; }
  [[nodiscard]] const delivery::Delivery& delivery() const { return *delivery_; }
  [[nodiscard]] const spool::Spool& spool() const { return spool_; }

 private:
  class Control;

  [[nodiscard]] base::Task<base::Io<>> run_commits();
  [[nodiscard]] base::Task<> commit_elsewhere();
  [[nodiscard]] base::Task<> receive();
  [[nodiscard]] base::Task<> deliver();

  World world_;
  std::shared_ptr<const config::Config> config_;
  engine::Timers timers_;
  engine::EventLog log_;
  engine::Resolver resolver_;
  spool::Spool spool_;
  spool::Recovered recovered_;
  std::unique_ptr<reception::Reception> reception_;
  std::unique_ptr<delivery::Delivery> delivery_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<admin::ControlServer> control_server_;
  engine::Signal stop_;
  bool started_ = false;
  bool opened_ = false;
  base::Group spooling_;
  base::Group controlling_;
  base::Group delivering_;
  base::Group receiving_;
};

}  // namespace server
