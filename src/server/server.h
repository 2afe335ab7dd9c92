#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "admin/control.h"
#include "admin/http_server.h"
#include "base/group.h"
#include "config/config.h"
#include "delivery/delivery.h"
#include "delivery/recipient_probe.h"
#include "engine/event_log.h"
#include "engine/resolver.h"
#include "engine/timers.h"
#include "reception/reception.h"
#include "server/settings.h"
#include "server/world.h"
#include "spool/spool.h"
#include "trace/recorder.h"

namespace server {

/// One mail server: every part of it, from a configuration and a world. start(), run(), and stop()
/// to make run() end; all on the world's loop.
class Server {
 public:
  using ConfigPointer = std::shared_ptr<const config::Config>;
  /// Reads the configuration again and hands it to reload(). The error is for people, one mistake a
  /// line.
  using Reloader = std::function<std::expected<void, std::string>()>;

  /// `log_sink` gets the lines of the event log.
  Server(const World& world, ConfigPointer config, engine::EventLog::Sink log_sink,
         Purpose purpose = Purpose::serve);
  ~Server();

  /// Recovers the queue and binds every listener. After an error (for people) run() must still be
  /// awaited: it then ends at once.
  [[nodiscard]] base::Task<std::expected<void, std::string>> start();
  /// start() failed because another process uses the data_dir.
  [[nodiscard]] bool found_busy() const { return busy_; }

  /// Serves until stop(), then ends in order: what is in flight is finished.
  [[nodiscard]] base::Task<> run();
  void stop();
  /// The world has ended: nothing that is tried has an effect any more. run() ends soon.
  void abort();

  /// Takes over another configuration, and reads certificates and passwords anew: all of it or,
  /// after an error (for people, and in the log), nothing. Open sessions and attempts in flight go
  /// on with what they began with. What only a restart can change must be the same.
  [[nodiscard]] std::expected<void, std::string> reload(ConfigPointer config);
  /// It could not be read: for the log.
  void reload_failed(const std::string& why);
  /// What happens when the control socket asks for it; without this, reload() of what there is.
  void set_reloader(Reloader reloader) { reloader_ = std::move(reloader); }

  /// Answers a request of the control socket; see queue_control.h. References must outlive it.
  [[nodiscard]] base::Task<> answer(std::string_view request, const admin::ControlWriter& write);

  /// Of the configured listeners that are TCP, in their order.
  [[nodiscard]] std::vector<base::Endpoint> addresses() const { return reception_->addresses(); }
  [[nodiscard]] const spool::Recovered& recovered() const { return recovered_; }
  [[nodiscard]] const config::Config& config() const { return *config_; }
  [[nodiscard]] engine::EventLog& log() { return log_; }
  [[nodiscard]] const delivery::Delivery& delivery() const { return *delivery_; }
  [[nodiscard]] const reception::Reception& reception() const { return *reception_; }
  [[nodiscard]] const spool::Spool& spool() const { return spool_; }
  [[nodiscard]] base::WallTime started_at() const { return started_at_; }

 private:
  class Control;
  using Started = std::expected<void, std::string>;
  using Http = std::shared_ptr<admin::HttpServer>;

  [[nodiscard]] base::Task<Started> open_queue(const Settings& settings);
  [[nodiscard]] base::Task<Started> save_srs(std::string secret);
  [[nodiscard]] base::Task<> save_new_srs(std::string secret);
  [[nodiscard]] base::Task<Started> open_public_folder();
  void listen_for_mail(std::shared_ptr<const reception::Settings> settings);
  [[nodiscard]] Started listen_for_operators();
  /// At the address that the configuration names; null: nowhere.
  [[nodiscard]] std::expected<Http, std::string> listen_for_http(const config::Config& config);
  [[nodiscard]] Started apply(const ConfigPointer& config);

  /// What happens to messages from now on is recorded, or is not.
  void keep_trace(const config::Trace& settings);
  /// Writes what happens to messages into the trace, until end_trace().
  [[nodiscard]] base::Task<> record_trace();
  void end_trace();
  [[nodiscard]] base::Task<base::Io<>> run_commits();
  [[nodiscard]] base::Task<> commit_elsewhere();
  [[nodiscard]] base::Task<> receive();
  [[nodiscard]] base::Task<> deliver();
  [[nodiscard]] base::Task<> serve_http(Http http);
  /// Takes over a certificate that has changed, without being told.
  [[nodiscard]] base::Task<> watch_certificate();
  [[nodiscard]] base::Task<reception::AskedRecipient> ask(std::string deliver_target,
                                                          std::string forward_path);
  /// ETRN: `#queue` is a lane.
  [[nodiscard]] base::Task<reception::QueueStarted> start_queue(smtp::EtrnCommand command,
                                                                std::string client);

  World world_;
  Purpose purpose_;
  ConfigPointer config_;
  Reloader reloader_;
  engine::Timers timers_;
  engine::EventLog log_;
  trace::Recorder trace_;
  engine::Signal traced_;
  bool trace_ends_ = false;
  engine::Resolver resolver_;
  spool::Spool spool_;
  spool::Recovered recovered_;
  std::unique_ptr<delivery::RecipientProbe> probe_;
  std::unique_ptr<reception::Reception> reception_;
  std::unique_ptr<delivery::Delivery> delivery_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<admin::ControlServer> control_server_;
  Http http_;                ///< Null: off.
  std::string certificate_;  ///< The files that are in force.
  base::WallTime started_at_{};
  engine::Signal stop_;
  bool started_ = false;
  bool opened_ = false;
  bool busy_ = false;
  base::Group spooling_;
  base::Group tracing_;
  base::Group controlling_;
  base::Group delivering_;
  base::Group receiving_;
};

}  // namespace server
