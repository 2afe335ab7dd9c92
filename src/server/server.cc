#include "server/server.h"

#include <utility>

#include "engine/run_on.h"
#include "server/metrics.h"
#include "server/queue_control.h"
#include "server/srs.h"

namespace server {

namespace {

constexpr base::Duration busy_patience = std::chrono::seconds(2);
constexpr base::Duration busy_pause = std::chrono::milliseconds(50);

}  // namespace

/// Answers the control socket out of the server's parts.
class Server::Control {
 public:
  explicit Control(Server& server)
      : queue_({.loop = server.world_.loop,
                .spool = server.spool_,
                .delivery = *server.delivery_,
                .delivers = server.purpose_ == Purpose::serve,
                .reload = [&server] {
                  return server.reloader_ ? server.reloader_() : server.reload(server.config_);
                }}) {}
  QueueControl queue_;
};

Server::Server(const World& world, ConfigPointer config, engine::EventLog::Sink log_sink,
               Purpose purpose)
    : world_(world),
      purpose_(purpose),
      config_(std::move(config)),
      timers_(world.loop),
      log_(event_format(*config_), world.clock, world.loop, std::move(log_sink)),
      trace_(world.disk, world.clock, trace_options(*config_)),
      traced_(world.loop),
      resolver_(world.resolver, world.loop),
      spool_(
          {world.loop, world.disk, world.commit_loop, world.commit_disk, world.clock, world.random},
          spool_options(*config_)),
      stop_(world.loop) {
  keep_trace(config_->trace);
}

Server::~Server() = default;

base::Task<std::expected<void, std::string>> Server::start() {
  auto settings = make_settings(world_, *config_, purpose_);
  if (!settings) co_return std::unexpected(settings.error());
  certificate_ = std::move(settings->certificate);
  if (Started opened = co_await open_queue(*settings); !opened) co_return opened;
  if (Started saved = co_await save_srs(settings->unsaved_srs_secret); !saved) co_return saved;
  control_ = std::make_unique<Control>(*this);
  started_at_ = world_.clock.wall();
  if (purpose_ != Purpose::change_queue) {
    if (Started made = co_await open_public_folder(); !made) co_return made;
    listen_for_mail(settings->reception);
    if (Started bound = reception_->listen(); !bound) co_return bound;
  }
  if (purpose_ == Purpose::serve) {
    if (Started bound = listen_for_operators(); !bound) co_return bound;
  }
  started_ = true;
  co_return Started{};
}

base::Task<Server::Started> Server::save_srs(std::string secret) {
  if (secret.empty()) co_return Started{};
  co_return co_await save_srs_secret(world_, config_->srs.secret_file, std::move(secret));
}

base::Task<Server::Started> Server::open_queue(const Settings& settings) {
  const auto made = co_await sys::make_directories(world_.disk, config_->data_dir);
  if (!made) {
    co_return std::unexpected(config_->data_dir + ": " + base::describe(made.error()));
  }
  delivery_ = std::make_unique<delivery::Delivery>(
      delivery::DeliveryWorld{world_.loop, world_.clock, world_.random, world_.net, world_.programs,
                              world_.mailbox_loop, world_.mailbox_disk, timers_, resolver_, log_,
                              spool_, world_.disk, world_.workers},
      queue_options(*config_), settings.delivery);
  auto recovered = co_await spool_.open(*delivery_);
  // Whoever looks into the queue of a stopped server holds it for a moment.
  const base::Instant give_up = world_.loop.now() + busy_patience;
  while (!recovered && recovered.error().code == base::IoErrorCode::busy &&
         world_.loop.now() < give_up) {
    const auto slept = co_await base::operation<base::Io<>>([this](sys::Completion<>& done) {
      return world_.loop.sleep_until(world_.loop.now() + busy_pause, done);
    });
    if (!slept) break;
    recovered = co_await spool_.open(*delivery_);
  }
  if (!recovered) {
    busy_ = recovered.error().code == base::IoErrorCode::busy;
    co_return std::unexpected(
        config_->data_dir + ": " +
        (busy_ ? "another server uses this data_dir" : base::describe(recovered.error())));
  }
  recovered_ = std::move(*recovered);
  opened_ = true;
  tracing_.spawn(record_trace());
  spooling_.spawn(spool_.run());
  spooling_.spawn(commit_elsewhere());
  for (const spool::Damage& damage : recovered_.damage) {
    auto event = log_.event("quarantined");
    if (damage.id.value != 0) event.id(damage.id);
    event.text("file", damage.file).number("offset", static_cast<std::int64_t>(damage.offset));
    event.text("reason", damage.what);
    log_.write(event);
  }
  co_return Started{};
}

/// Every user must get as far as the socket by which local mail is submitted, and no farther: what
/// else is in data_dir has modes of its own.
base::Task<Server::Started> Server::open_public_folder() {
  const std::string folder = public_directory(config_->data_dir);
  const auto made = co_await sys::make_directories(world_.disk, folder);
  if (!made) co_return std::unexpected(folder + ": " + base::describe(made.error()));
  for (const auto& [path, list] : {std::pair(config_->data_dir, false), std::pair(folder, true)}) {
    const auto opened = world_.disk.open_directory_to_all(path, list);
    // The folder of somebody else may be open enough; if not, sendmail(1) says so.
    if (opened || opened.error().code == base::IoErrorCode::denied) continue;
    co_return std::unexpected(path + ": " + base::describe(opened.error()));
  }
  co_return Started{};
}

void Server::listen_for_mail(std::shared_ptr<const reception::Settings> settings) {
  probe_ =
      std::make_unique<delivery::RecipientProbe>(world_.net, timers_, resolver_, world_.random,
                                                 [this] { return delivery_->current_settings(); });
  reception_ = std::make_unique<reception::Reception>(
      reception::ReceptionWorld{world_.loop, world_.clock, world_.net, world_.workers, timers_,
                                log_, spool_,
                                [this](std::string deliver_target, std::string forward_path) {
                                  return ask(std::move(deliver_target), std::move(forward_path));
                                },
                                &world_.random,
                                [this](smtp::EtrnCommand command, std::string client) {
                                  return start_queue(std::move(command), std::move(client));
                                }},
      std::move(settings),
      [this](const spool::StoredMessage& message, const std::vector<spool::Expanded>& expanded) {
        delivery_->accepted(message, expanded);
      });
}

Server::Started Server::listen_for_operators() {
  control_server_ = std::make_unique<admin::ControlServer>(
      world_.net, timers_, [this](std::string_view request, const admin::ControlWriter& write) {
        return answer(request, write);
      });
  const std::string path = admin::control_path(config_->data_dir);
  if (const auto bound = control_server_->listen(path); !bound) {
    return std::unexpected(path + ": " + base::describe(bound.error()));
  }
  auto http = listen_for_http(*config_);
  if (!http) return std::unexpected(http.error());
  http_ = std::move(*http);
  return {};
}

std::expected<Server::Http, std::string> Server::listen_for_http(const config::Config& config) {
  if (!config.admin.address) return nullptr;
  auto http = std::make_shared<admin::HttpServer>(
      world_.net, timers_,
      [this](const admin::HttpRequest& request) { return answer_http(*this, request); });
  const auto bound = http->listen(*config.admin.address);
  if (bound) return http;
  const std::string what = "cannot listen on " + config.admin.address->to_string() +
                           " (admin.address): " + base::describe(bound.error());
  if (!config.sandbox) return std::unexpected(what);
  // Nobody has asked for this port: what somebody else has there must not keep the sandbox away.
  auto event = log_.event("admin_off");
  event.text("reason", what);
  log_.write(event);
  return nullptr;
}

base::Task<reception::AskedRecipient> Server::ask(std::string deliver_target,
                                                  std::string forward_path) {
  using reception::AskedRecipient;
  switch (co_await probe_->ask(std::move(deliver_target), std::move(forward_path))) {
    case delivery::Probed::known: co_return AskedRecipient::known;
    case delivery::Probed::unknown: co_return AskedRecipient::unknown;
    case delivery::Probed::unavailable: break;
  }
  co_return AskedRecipient::unavailable;
}

base::Task<reception::QueueStarted> Server::start_queue(smtp::EtrnCommand command,
                                                        std::string client) {
  using Kind = smtp::EtrnCommand::Kind;
  const auto released = co_await delivery_->release_waiting(
      [command](const route::Decision& decision) {
        switch (command.kind) {
          case Kind::node: return decision.domain == command.domain;
          case Kind::below: return route::is_at_or_below(decision.domain, command.domain);
          case Kind::queue: break;
        }
        return decision.lane == command.queue;
      },
      "ETRN of " + client);
  co_return reception::QueueStarted{released.started, released.messages};
}

base::Task<> Server::answer(std::string_view request, const admin::ControlWriter& write) {
  return control_->queue_.answer(std::string(request), write);
}

void Server::keep_trace(const config::Trace& settings) {
  trace_.set_bounds(settings.keep, settings.size);
  if (settings.keep == base::Duration::zero()) return log_.set_trace({});
  log_.set_trace([this](base::MessageId id, std::string_view event) {
    trace_.add(id, event);
    traced_.notify();
  });
}

base::Task<> Server::record_trace() {
  co_await trace_.open();
  for (;;) {
    while (trace_.has_work()) co_await trace_.write();
    if (trace_ends_) co_return;
    if (!co_await traced_.wait()) co_return;
  }
}

void Server::end_trace() {
  trace_ends_ = true;
  traced_.notify();
}

base::Task<base::Io<>> Server::run_commits() {
  co_await spool_.run_commits();
  co_return base::Io<>{};
}

base::Task<> Server::commit_elsewhere() {
  (void)co_await engine::run_on(world_.commit_loop, world_.loop, run_commits());
}

base::Task<> Server::receive() { co_await reception_->run(); }

base::Task<> Server::deliver() { co_await delivery_->run(); }

base::Task<> Server::serve_http(Http http) { co_await http->run(); }

base::Task<> Server::run() {
  if (started_) {
    if (reception_) receiving_.spawn(receive());
    if (purpose_ == Purpose::serve) {
      delivering_.spawn(deliver());
      controlling_.spawn(control_server_->run());
      controlling_.spawn(watch_certificate());
      if (http_) controlling_.spawn(serve_http(http_));
    }
    (void)co_await stop_.wait();
    if (reception_) reception_->stop();
    co_await receiving_.join();
    delivery_->stop();
    co_await delivering_.join();
    controlling_.cancel();
    co_await controlling_.join();
  }
  if (opened_) co_await spool_.stop();
  co_await spooling_.join();
  end_trace();
  co_await tracing_.join();
  log_.flush();
  timers_.stop();
  while (!timers_.idle() || log_.pending()) co_await sys::Yield(world_.loop);
}

void Server::stop() { stop_.notify(); }

void Server::abort() {
  stop();
  if (reception_) reception_->abort();
  if (delivery_) delivery_->abort();
}

}  // namespace server
