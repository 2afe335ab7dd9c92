#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/group.h"
#include "config/config.h"
#include "server/server.h"
#include "sim/world.h"

// A whole server on a simulated machine, life after life.
namespace server {

class Site {
 public:
  Site(sim::World& world, std::string name, const std::string& address, const std::string& toml)
      : world_(world),
        machine_(world.make_machine(name, {address})),
        loop_(machine_.make_loop("main")),
        commit_loop_(machine_.make_loop("commit")),
        mailbox_loop_(machine_.make_loop("mailbox")) {
    auto loaded = config::load(toml, {name, "/", name});
    for (const config::Mistake& mistake :
         loaded ? std::vector<config::Mistake>() : loaded.error()) {
      ADD_FAILURE() << mistake.print();
    }
    config_ = std::make_shared<const config::Config>(std::move(loaded.value()));
    machine_.set_on_stop([this] { stopped_ = true; });
  }

  void boot() {
    server_ = std::make_unique<Server>(world(), config_,
                                       [this](std::string_view lines) { log_ += lines; });
    up_ = false;
    error_.clear();
    loop_.enter([this] { group_.spawn(live()); });
  }

  /// The machine has stopped: what is left of the server is torn down, and it boots again.
  void reboot() {
    tear_down([this] { server_->abort(); });
    machine_.restart();
    stopped_ = false;
    boot();
  }
  /// An orderly end.
  void shut_down() {
    tear_down([this] { server_->stop(); });
  }

  [[nodiscard]] bool is_stopped() const { return stopped_; }
  [[nodiscard]] bool is_up() const { return up_; }
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] const std::string& log() const { return log_; }
  [[nodiscard]] std::size_t queued() const {
    return up_ ? server_->spool().statistics().messages : static_cast<std::size_t>(-1);
  }
  [[nodiscard]] sim::Machine& machine() { return machine_; }
  [[nodiscard]] Server& server() { return *server_; }
  [[nodiscard]] sim::SimLoop& loop() { return loop_; }

 private:
  [[nodiscard]] World world() {
    return {loop_,
            commit_loop_,
            mailbox_loop_,
            machine_.disk(),
            machine_.disk(),
            machine_.disk(),
            machine_.clock(),
            machine_.random(),
            machine_.net(loop_),
            machine_.programs(),
            machine_.resolver(),
            machine_.tls(),
            machine_.workers()};
  }

  base::Task<> live() {
    const auto started = co_await server_->start();
    up_ = started.has_value();
    if (!started) error_ = started.error();
    co_await server_->run();
    up_ = false;
  }

  void tear_down(const std::function<void()>& end) {
    loop_.enter(end);
    const sim::Ran ran =
        world_.run_while([this] { return group_.size() > 0; }, std::chrono::minutes(10));
    ASSERT_EQ(ran, sim::Ran::done) << "the server does not end";
    server_.reset();
  }

  sim::World& world_;
  sim::Machine& machine_;
  sim::SimLoop& loop_;
  sim::SimLoop& commit_loop_;
  sim::SimLoop& mailbox_loop_;
  std::shared_ptr<const config::Config> config_;
  std::string log_;
  std::string error_;
  bool up_ = false;
  bool stopped_ = false;
  std::unique_ptr<Server> server_;
  base::Group group_;
};

}  // namespace server
