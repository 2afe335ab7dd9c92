#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/group.h"
#include "lab/books.h"
#include "lab/description.h"
#include "lab/foreign_host.h"
#include "server/server.h"
#include "sim/world.h"

namespace lab {

/// One server of ours on its machine, life after life. What its configuration names on a real disk
/// is simulated: a certificate for its name, passwords, programs and LMTP
/// servers at Unix sockets that take what they are given.
/// Used outside of all loops.
class Site {
 public:
  Site(sim::World& world, const Books& books, const ServerPlan& plan);
  ~Site();
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  void boot();
  /// Ends it, and leaves its machine as the outage wants it. Simulated time passes.
  void go_down(Outage::How how);
  /// Its machine is there again, and it boots.
  void come_up();
  [[nodiscard]] bool is_up() const { return up_; }
  /// Empty: it has started, or still does.
  [[nodiscard]] const std::string& error() const { return error_; }
  /// Messages that are owed; nullopt: it does not run.
  [[nodiscard]] std::optional<std::size_t> queued() const;

  /// Ends it for good, and writes down what is in its mailboxes and in its queue. It must be down
  /// or up, and may not be used afterwards.
  void close();

  [[nodiscard]] const ServerPlan& plan() const { return plan_; }
  [[nodiscard]] sim::Machine& machine() { return machine_; }

 private:
  [[nodiscard]] server::World world();
  void put_files();
  void make_local_peers();
  void start(server::Purpose purpose);
  base::Task<> live();
  /// Runs the world until the server has ended, and destroys it.
  void tear_down(const std::function<void()>& end);
  void tear_down_peers();
  void take_log(std::string_view lines);
  void read_queue();
  base::Task<> list_queue();
  base::Task<std::string> ask(std::string request);
  void read_mailboxes();

  sim::World& sim_;
  Books books_;
  ServerPlan plan_;
  std::shared_ptr<const config::Config> config_;
  sim::Machine& machine_;
  sim::SimLoop& loop_;
  sim::SimLoop& commit_loop_;
  sim::SimLoop& mailbox_loop_;
  std::deque<ForeignHost> peers_;  ///< LMTP servers at its Unix sockets.
  std::string error_;
  bool up_ = false;
  std::unique_ptr<server::Server> server_;
  base::Group group_;
};

}  // namespace lab
