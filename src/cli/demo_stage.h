#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/group.h"
#include "cli/demo_dns.h"
#include "cli/demo_net.h"
#include "cli/demo_world.h"
#include "server/server.h"
#include "sys/linux/world.h"

namespace cli {

/// One of the demo's servers, in the real world but for its network, whose traffic is counted, and
/// its resolver, which shares no cache with the others'. Destroyed only after run() has ended.
class DemoHost {
 public:
  DemoHost(sys::real::RealWorld& world, sys::Net& net, const base::Endpoint& dns,
           std::shared_ptr<const config::Config> config, engine::EventLog::Sink sink);

  [[nodiscard]] server::Server& server() { return server_; }

 private:
  std::unique_ptr<sys::Resolver> resolver_;
  sys::real::LoopThread commit_{"ph-commit"};
  sys::real::LoopThread mailbox_{"ph-mailbox"};
  server::Server server_;
};

/// All servers of the demo.
class DemoStage {
 public:
  /// Gets lines of the event log of the server at an index.
  using Watch = std::function<void(std::size_t index, std::string_view lines)>;

  /// `without_last`: the last one does not run.
  DemoStage(sys::real::RealWorld& world, DemoServerOptions options, bool without_last, Watch watch);

  /// Starts all of them. The error is for people: which one, and why.
  [[nodiscard]] base::Task<std::expected<void, std::string>> start();
  /// Ends with the last of them.
  [[nodiscard]] base::Task<> stop();

  [[nodiscard]] CountingNet& net() { return net_; }
  [[nodiscard]] DemoTraffic& traffic() { return traffic_; }
  [[nodiscard]] const DemoAddresses& addresses() const { return options_.addresses; }
  /// Where the first server takes submissions; only after start().
  [[nodiscard]] base::Endpoint submission() const {
    return hosts_.front()->server().addresses().at(1);
  }
  /// PEM, of the first server.
  [[nodiscard]] const std::string& certificate() const { return certificate_; }

 private:
  sys::real::RealWorld& world_;
  DemoServerOptions options_;
  bool without_last_;
  Watch watch_;
  DemoTraffic traffic_;
  CountingNet net_;
  std::string certificate_;
  std::vector<std::unique_ptr<DemoHost>> hosts_;
  base::Group running_;
};

}  // namespace cli
