#include "cli/demo_stage.h"

#include <fmt/format.h>

#include <utility>

namespace cli {

DemoHost::DemoHost(sys::real::RealWorld& world, sys::Net& net, const base::Endpoint& dns,
                   std::shared_ptr<const config::Config> config, engine::EventLog::Sink sink)
    : resolver_(sys::real::make_resolver(world.loop, {.servers = {dns}})),
      server_({.loop = world.loop,
               .commit_loop = commit_.loop(),
               .mailbox_loop = mailbox_.loop(),
               .disk = *world.disk,
               .commit_disk = *world.disk,
               .mailbox_disk = *world.disk,
               .clock = *world.clock,
               .random = *world.random,
               .net = net,
               .programs = *world.programs,
               .resolver = *resolver_,
               .tls = *world.tls,
               .workers = *world.workers},
              std::move(config), std::move(sink)) {}

DemoStage::DemoStage(sys::real::RealWorld& world, DemoServerOptions options, bool without_last,
                     Watch watch)
    : world_(world),
      options_(std::move(options)),
      without_last_(without_last),
      watch_(std::move(watch)),
      net_(*world.net, traffic_) {}

base::Task<std::expected<void, std::string>> DemoStage::start() {
  const std::size_t count = demo_servers - (without_last_ ? 1 : 0);
  for (std::size_t i = 0; i < count; ++i) {
    DemoServer made = make_demo_server(options_, i);
    if (i == 0) certificate_ = std::move(made.certificate);
    hosts_.push_back(
        std::make_unique<DemoHost>(world_, net_, options_.dns, std::move(made.config),
                                   [this, i](std::string_view lines) { watch_(i, lines); }));
    server::Server& server = hosts_.back()->server();
    const auto started = co_await server.start();
    running_.spawn(server.run());
    if (!started) {
      co_return std::unexpected(fmt::format("{} starts: {}", demo_domains[i], started.error()));
    }
  }
  co_return std::expected<void, std::string>{};
}

base::Task<> DemoStage::stop() {
  for (const auto& host : hosts_) host->server().stop();
  co_await running_.join();
}

}  // namespace cli
