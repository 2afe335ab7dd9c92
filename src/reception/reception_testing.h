#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/group.h"
#include "directory/snapshot.h"
#include "engine/run_on.h"
#include "reception/reception.h"
#include "sim/world.h"

// For the tests: listeners and a spool on a simulated machine, and clients that come to them.
namespace reception::test {

struct Accepted {
  spool::Envelope envelope;
  std::string content;
  std::vector<spool::Expanded> expanded;
};

/// Says what it is told to, and keeps what it hears.
class Client {
 public:
  Client(sys::Net& net, sim::SimLoop& loop, std::string target)
      : net_(net), loop_(loop), target_(std::move(target)) {
    loop_.enter([this] { group_.spawn(live()); });
  }
  void say(std::string octets) {
    said_.push_back(std::move(octets));
    loop_.enter([this] { group_.spawn(write(said_.back())); });
  }
  void leave() {
    loop_.enter([this] { group_.cancel(); });
  }
  [[nodiscard]] bool is_idle() const { return group_.size() == 0; }

  std::string heard;
  std::string ended;  ///< Why; empty: it has not.

 private:
  using Connected = base::Io<std::unique_ptr<sys::Connection>>;

  base::Task<> live() {
    Connected connected = co_await base::operation<Connected>([this](auto& done) {
      const auto endpoint = base::Endpoint::parse(target_);
      return endpoint ? net_.connect(*endpoint, std::nullopt, done)
                      : net_.connect_unix(target_, done);
    });
    if (!connected) {
      ended = base::describe(connected.error());
      co_return;
    }
    connection_ = std::move(*connected);
    for (;;) {
      const auto octets = co_await base::operation<base::Io<std::string_view>>(
          [this](auto& done) { return connection_->read(done); });
      if (!octets) {
        ended = base::describe(octets.error());
        break;
      }
      heard += *octets;
    }
  }
  base::Task<> write(const std::string& octets) {
    if (!connection_) co_return;
    const std::string_view pieces[] = {octets};
    (void)co_await base::operation<base::Io<>>(
        [&](auto& done) { return connection_->write(pieces, done); });
  }

  sys::Net& net_;
  sim::SimLoop& loop_;
  std::string target_;
  std::unique_ptr<sys::Connection> connection_;
  std::deque<std::string> said_;
  base::Group group_;
};

class Rig {
 public:
  explicit Rig(std::shared_ptr<const Settings> settings)
      : spool_({loop_, machine_.disk(), commit_loop_, machine_.disk(), machine_.clock(),
                machine_.random()},
               options()),
        reception_({loop_,
                    machine_.clock(),
                    machine_.net(loop_),
                    machine_.workers(),
                    timers_,
                    log_,
                    spool_,
                    {},
                    &machine_.random()},
                   std::move(settings),
                   [this](const spool::StoredMessage& message, std::vector<spool::Expanded> list) {
                     keep(message, std::move(list));
                   }) {
    loop_.enter([this] { group_.spawn(live()); });
    pass(std::chrono::milliseconds(200));
    EXPECT_EQ(error, "");
  }
  ~Rig() {
    for (auto& client : clients_) client.leave();
    stop();
    EXPECT_EQ(world_.run_while([this] { return group_.size() > 0 || !are_idle(); },
                               std::chrono::minutes(2)),
              sim::Ran::done);
  }

  /// `IP:port`, or the path of a Unix socket (from our own machine).
  Client& connect(std::string target, bool from_elsewhere = true) {
    sim::Machine& machine = from_elsewhere ? away_ : machine_;
    sim::SimLoop& loop = from_elsewhere ? away_loop_ : loop_;
    Client& client = clients_.emplace_back(machine.net(loop), loop, std::move(target));
    pass(std::chrono::milliseconds(500));
    return client;
  }
  /// Says it, and gives what has been heard half a second later, since the last call.
  std::string talk(Client& client, std::string octets) {
    client.say(std::move(octets));
    pass(std::chrono::milliseconds(500));
    return std::exchange(client.heard, {});
  }
  void pass(base::Duration duration) { EXPECT_NE(world_.run_for(duration), sim::Ran::stuck); }
  void stop() {
    loop_.enter([this] { reception_.stop(); });
  }
  [[nodiscard]] Reception& reception() { return reception_; }
  [[nodiscard]] std::expected<void, std::string> reload(std::shared_ptr<const Settings> settings) {
    std::expected<void, std::string> out;
    loop_.enter([&] { out = reception_.reload(std::move(settings)); });
    return out;
  }

  std::vector<Accepted> accepted;
  std::string log;
  std::string error;

 private:
  class Nobody final : public spool::RecoverySink {
    void message(const spool::RecoveredMessage&) override {}
    void hop(std::string_view, std::string_view) override {}
  };

  static spool::SpoolOptions options() {
    spool::SpoolOptions out;
    out.directory = "/data/spool";
    out.segment_octets = 1u << 20;
    out.allocate_octets = 64u << 10;
    return out;
  }
  [[nodiscard]] bool are_idle() const {
    return std::ranges::all_of(clients_, [](const Client& client) { return client.is_idle(); });
  }
  base::Task<base::Io<>> commits() {
    co_await spool_.run_commits();
    co_return base::Io<>{};
  }
  base::Task<> commit_elsewhere() { (void)co_await engine::run_on(commit_loop_, loop_, commits()); }
  base::Task<> live() {
    Nobody nobody;
    const auto made = co_await sys::make_directories(machine_.disk(), "/data");
    const auto opened = co_await spool_.open(nobody);
    if (!made || !opened) {
      error = "no spool";
      co_return;
    }
    base::Group spooling;
    spooling.spawn(spool_.run());
    spooling.spawn(commit_elsewhere());
    if (const auto bound = reception_.listen(); !bound) error = bound.error();
    co_await reception_.run();
    co_await spool_.stop();
    co_await spooling.join();
    log_.flush();
    timers_.stop();
    while (!timers_.idle() || log_.pending()) co_await sys::Yield(loop_);
  }
  void keep(const spool::StoredMessage& message, std::vector<spool::Expanded> list) {
    Accepted one{.envelope = *message.envelope, .content = {}, .expanded = std::move(list)};
    if (message.content) {
      for (const std::string_view piece : *message.content) one.content += piece;
    }
    accepted.push_back(std::move(one));
  }

  sim::World world_{1};
  sim::Machine& machine_ = world_.make_machine("mx.test", {"192.0.2.1"});
  sim::Machine& away_ = world_.make_machine("away.test", {"198.51.100.7"});
  sim::SimLoop& loop_ = machine_.make_loop("main");
  sim::SimLoop& commit_loop_ = machine_.make_loop("commit");
  sim::SimLoop& away_loop_ = away_.make_loop("client");
  engine::Timers timers_{loop_};
  engine::EventLog log_{engine::Event::Format::json, machine_.clock(), loop_,
                        [this](std::string_view lines) { log += lines; }};
  spool::Spool spool_;
  Reception reception_;
  std::deque<Client> clients_;
  base::Group group_;
};

[[nodiscard]] inline ListenerSettings listener(std::string_view address,
                                               policy::ListenerRole role) {
  ListenerSettings out;
  if (const auto endpoint = base::Endpoint::parse(address)) {
    out.address = *endpoint;
  } else {
    out.unix_path = address;
  }
  out.role = role;
  out.needs_auth = false;
  out.options.hostname = "mx.test";
  out.options.message_size = 10'000;
  out.options.lmtp = role == policy::ListenerRole::lmtp;
  return out;
}

/// alice@here.test and bob@here.test, team@here.test for both, one mx listener.
[[nodiscard]] inline Settings settings() {
  const auto mailbox = [](std::string_view text) { return grammar::Mailbox::parse(text).value(); };
  directory::SnapshotParts parts;
  parts.domains = {{.name = grammar::Domain::parse("here.test").value(), .deliver = "discard:"}};
  for (const std::string_view name : {"alice@here.test", "bob@here.test"}) {
    parts.users.push_back({.mailbox = mailbox(name), .password = std::nullopt, .may_send_as = {}});
  }
  parts.aliases = {{.address = mailbox("team@here.test"),
                    .to = {mailbox("alice@here.test"), mailbox("bob@here.test")}}};
  Settings out;
  out.hostname = "mx.test";
  out.directory = std::make_shared<directory::Snapshot>(std::move(parts));
  out.listeners = {listener("192.0.2.1:25", policy::ListenerRole::mx)};
  return out;
}

[[nodiscard]] inline std::shared_ptr<const Settings> share(Settings settings) {
  return std::make_shared<const Settings>(std::move(settings));
}

}  // namespace reception::test
