#pragma once

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "server/server.h"
#include "sys/linux/world.h"

namespace cli {

[[nodiscard]] inline sys::real::ResolverOptions resolver_options(const config::Dns& dns) {
  return {.servers = dns.servers,
          .timeout = std::chrono::ceil<std::chrono::milliseconds>(dns.timeout)};
}

/// A resolver that can be exchanged; look-ups in flight stay with the one that they began with.
class ReplaceableResolver final : public sys::Resolver {
 public:
  explicit ReplaceableResolver(sys::Resolver& first) : current_(&first) {}

  void replace(std::unique_ptr<sys::Resolver> other) {
    current_ = other.get();
    all_.push_back(std::move(other));
  }
  [[nodiscard]] sys::Now<dns::Answer> resolve(const dns::Question& question,
                                              sys::Completion<dns::Answer>& done) override {
    return current_->resolve(question, done);
  }

 private:
  sys::Resolver* current_;
  std::vector<std::unique_ptr<sys::Resolver>> all_;
};

/// A server in the real world: on the loop of `world`, with threads of its own for what waits for
/// the disk. To be destroyed only after run() has ended.
class ServerHost {
 public:
  ServerHost(sys::real::RealWorld& world, std::shared_ptr<const config::Config> config,
             engine::EventLog::Sink log_sink, server::Purpose purpose = server::Purpose::serve)
      : world_(world),
        dns_(config->dns),
        resolver_(*world.resolver),
        server_({.loop = world.loop,
                 .commit_loop = commit_.loop(),
                 .mailbox_loop = mailbox_.loop(),
                 .disk = *world.disk,
                 .commit_disk = *world.disk,
                 .mailbox_disk = *world.disk,
                 .clock = *world.clock,
                 .random = *world.random,
                 .net = *world.net,
                 .programs = *world.programs,
                 .resolver = resolver_,
                 .tls = *world.tls,
                 .workers = *world.workers},
                std::move(config), std::move(log_sink), purpose) {}

  [[nodiscard]] server::Server& server() { return server_; }

  /// Who is asked from now on.
  void set_dns(const config::Dns& dns) {
    if (dns == dns_) return;
    dns_ = dns;
    resolver_.replace(sys::real::make_resolver(world_.loop, resolver_options(dns)));
  }

 private:
  sys::real::RealWorld& world_;
  config::Dns dns_;
  ReplaceableResolver resolver_;
  sys::real::LoopThread commit_{"ph-commit"};
  sys::real::LoopThread mailbox_{"ph-mailbox"};
  server::Server server_;
};

}  // namespace cli
