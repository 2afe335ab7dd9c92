#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/group.h"
#include "base/operation.h"
#include "engine/channel.h"
#include "engine/timers.h"
#include "sim/world.h"

// A next hop that says what a test wants, on a simulated machine.
namespace delivery::peer_test {

using namespace std::chrono_literals;

/// Waits until the client has said `heard` (behind what was heard before), then says `says`.
struct Step {
  std::string heard;  ///< Empty: at once.
  std::string says;
};

/// What a peer does with one connection.
struct Script {
  std::vector<Step> steps;
  /// Afterwards it listens on for ever; else it closes, and what it has not read resets the
  /// connection.
  bool stays = false;
};

/// Plays one script for each connection, in their order; the last one again and again.
class Peer {
 public:
  Peer(sim::SimLoop& loop, engine::Timers& timers, std::vector<Script> scripts)
      : loop_(loop), timers_(timers), scripts_(std::move(scripts)) {}
  ~Peer() { stop(); }

  void listen(sys::Net& net, const base::Endpoint& local) { begin(net.listen(local)); }
  void listen_unix(sys::Net& net, const std::string& path) { begin(net.listen_unix(path)); }
  void stop() { group_.cancel(); }
  [[nodiscard]] bool ended() const { return group_.size() == 0; }

  [[nodiscard]] std::size_t connections() const { return connections_; }
  /// All that clients have said, connection behind connection.
  [[nodiscard]] const std::string& heard() const { return heard_; }

 private:
  using Accepted = base::Io<std::unique_ptr<sys::Connection>>;

  void begin(base::Io<std::unique_ptr<sys::Listener>> listener) {
    ASSERT_TRUE(listener);
    listener_ = std::move(*listener);
    loop_.enter([this] { group_.spawn(run()); });
  }

  base::Task<> run() {
    for (;;) {
      Accepted accepted = co_await base::operation<Accepted>(
          [this](base::Completion<Accepted>& done) { return listener_->accept(done); });
      if (!accepted) co_return;
      const std::size_t i = std::min(connections_++, scripts_.size() - 1);
      group_.spawn(serve(std::move(*accepted), scripts_[i]));
    }
  }

  base::Task<> serve(std::unique_ptr<sys::Connection> connection, Script script) {
    engine::Channel channel(std::move(connection), timers_);
    const base::Instant never = timers_.now() + 24h;
    std::string input;
    for (const Step& step : script.steps) {
      for (;;) {
        const std::size_t at = input.find(step.heard);
        if (at != input.npos) {
          input.erase(0, at + step.heard.size());
          break;
        }
        const auto octets = co_await channel.read(never);
        if (!octets) co_return;
        heard_ += *octets;
        input += *octets;
      }
      if (!co_await channel.write(step.says, never)) co_return;
    }
    while (script.stays) {
      const auto octets = co_await channel.read(never);
      if (!octets) co_return;
      heard_ += *octets;
    }
  }

  sim::SimLoop& loop_;
  engine::Timers& timers_;
  std::vector<Script> scripts_;
  std::unique_ptr<sys::Listener> listener_;
  std::size_t connections_ = 0;
  std::string heard_;
  base::Group group_;
};

}  // namespace delivery::peer_test
