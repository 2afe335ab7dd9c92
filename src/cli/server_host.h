#pragma once

#include <memory>
#include <utility>

#include "server/server.h"
#include "sys/linux/world.h"

namespace cli {

/// A server in the real world: on the loop of `world`, with threads of its own for what waits for
/// the disk. To be destroyed only after run() has ended.
class ServerHost {
 public:
  ServerHost(sys::real::RealWorld& world, std::shared_ptr<const config::Config> config,
             engine::EventLog::Sink log_sink)
      : server_({.loop = world.loop,
                 .commit_loop = commit_.loop(),
                 .mailbox_loop = mailbox_.loop(),
                 .disk = *world.disk,
                 .commit_disk = *world.disk,
                 .mailbox_disk = *world.disk,
                 .clock = *world.clock,
                 .random = *world.random,
                 .net = *world.net,
                 .programs = *world.programs,
                 .resolver = *world.resolver,
                 .tls = *world.tls,
                 .workers = *world.workers},
                std::move(config), std::move(log_sink)) {}

  [[nodiscard]] server::Server& server() { return server_; }

 private:
  sys::real::LoopThread commit_{"ph-commit"};
  sys::real::LoopThread mailbox_{"ph-mailbox"};
  server::Server server_;
};

}  // namespace cli
