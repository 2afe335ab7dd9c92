#include "server/server.h"

#include <utility>

#include "engine/run_on.h"
#include "server/queue_control.h"

namespace server {

using Started = std::expected<void, std::string>;

/// Answers the control socket out of the server's parts.
class Server::Control {
 public:
  explicit Control(Server& server)
      : queue_(
            {.loop = server.world_.loop, .spool = server.spool_, .delivery = *server.delivery_}) {}
  QueueControl queue_;
};

Server::Server(const World& world, std::shared_ptr<const config::Config> config,
               engine::EventLog::Sink log_sink)
    : world_(world),
      config_(std::move(config)),
      timers_(world.loop),
      log_(config_->log.format == config::LogFormat::json ? engine::Event::Format::json
                                                          : engine::Event::Format::text,
           world.clock, world.loop, std::move(log_sink)),
      resolver_(world.resolver, world.loop),
      spool_(
          {world.loop, world.disk, world.commit_loop, world.commit_disk, world.clock, world.random},
          spool_options(*config_)),
      stop_(world.loop) {}

Server::~Server() = default;

base::Task<Started> Server::start() {
  auto settings = make_settings(world_, *config_);
  if (!settings) co_return std::unexpected(settings.error());
  const auto made = co_await sys::make_directories(world_.disk, config_->data_dir);
  if (!made) {
    co_return std::unexpected(config_->data_dir + ": " + base::describe(made.error()));
  }
  delivery_ = std::make_unique<delivery::Delivery>(
      delivery::DeliveryWorld{world_.loop, world_.clock, world_.random, world_.net, world_.programs,
                              world_.mailbox_loop, world_.mailbox_disk, timers_, resolver_, log_,
                              spool_},
      queue_options(*config_), settings->delivery);
  auto recovered = co_await spool_.open(*delivery_);
  if (!recovered) {
    const bool busy = recovered.error().code == base::IoErrorCode::busy;
    co_return std::unexpected(
        config_->data_dir + ": " +
        (busy ? "another server uses this data_dir" : base::describe(recovered.error())));
  }
  recovered_ = std::move(*recovered);
  opened_ = true;
  spooling_.spawn(spool_.run());
  spooling_.spawn(commit_elsewhere());
  for (const spool::Damage& damage : recovered_.damage) {
    auto event = log_.event("quarantined");
    if (damage.id.value != 0) event.id(damage.id);
    event.text("file", damage.file).number("offset", static_cast<std::int64_t>(damage.offset));
    event.text("reason", damage.what);
    log_.write(event);
  }

  reception_ = std::make_unique<reception::Reception>(
      reception::ReceptionWorld{world_.loop, world_.clock, world_.net, world_.workers, timers_,
                                log_, spool_},
      settings->reception,
      [this](const spool::StoredMessage& message, std::vector<spool::Expanded>) {
        delivery_->accepted(message);
      });
  if (Started bound = reception_->listen(); !bound) co_return bound;

  control_ = std::make_unique<Control>(*this);
  control_server_ = std::make_unique<admin::ControlServer>(
      world_.net, timers_, [this](std::string_view request, const admin::ControlWriter& write) {
        return control_->queue_.answer(std::string(request), write);
      });
  const std::string path = admin::control_path(config_->data_dir);
  if (const auto bound = control_server_->listen(path); !bound) {
    co_return std::unexpected(path + ": " + base::describe(bound.error()));
  }
  started_ = true;
  co_return Started{};
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

base::Task<> Server::run() {
  if (started_) {
    receiving_.spawn(receive());
    delivering_.spawn(deliver());
    controlling_.spawn(control_server_->run());
    (void)co_await stop_.wait();
    reception_->stop();
    co_await receiving_.join();
    delivery_->stop();
    co_await delivering_.join();
    controlling_.cancel();
    co_await controlling_.join();
  }
  if (opened_) co_await spool_.stop();
  co_await spooling_.join();
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
