#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/group.h"
#include "cli/configuration.h"
#include "cli/log_file.h"
#include "cli/server_host.h"

namespace cli {

/// How the process of a server meets whoever runs it: by itself, or through a broker.
class Supervision {
 public:
  virtual ~Supervision() = default;

  /// Changes what the server meets the world through, before there is one.
  virtual void prepare(sys::real::RealWorld& world) = 0;
  /// That world ends: nothing made for its loop may be left.
  virtual void release() {}
  /// Everything is bound and recovered.
  virtual void ready() = 0;
  virtual void stopping() {}
  /// Reads the configuration again. The error is for people, one mistake a line.
  [[nodiscard]] virtual std::expected<Configuration, std::string> read_again() = 0;
  /// What became of it.
  virtual void taken_over(bool /*done*/) {}
  [[nodiscard]] virtual LogFile::Opener log_opener() { return {}; }

  enum class Order : std::uint8_t {
    reload,
    stop,
    end,  ///< At once. What was acknowledged is on the disk (P1).
  };
  /// The next one. Can be cancelled: then nullopt.
  [[nodiscard]] virtual base::Task<std::optional<Order>> next_order() = 0;
};

/// One run of a server, from its start to the order that ends it.
class Serving {
 public:
  Serving(const Configuration& configuration, LogFile log, Supervision& supervision);

  /// The exit status.
  [[nodiscard]] int run();

 private:
  [[nodiscard]] base::Task<> serve();
  void announce();
  [[nodiscard]] base::Task<> obey();
  [[nodiscard]] std::expected<void, std::string> reload();
  [[nodiscard]] std::expected<void, std::string> take_over();
  [[nodiscard]] std::expected<void, std::string> keep_old(std::string why, bool unread);
  class World : public sys::real::RealWorld {
   public:
    World(const config::Dns& dns, Supervision& supervision);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

   private:
    Supervision& supervision_;
  };

  std::shared_ptr<const config::Config> config_;  ///< As it was at the start.
  LogFile log_;
  Supervision& supervision_;
  World world_;
  ServerHost host_;
  server::Server& server_;
  base::Group watching_;
  int status_ = 0;
};

/// Opens its log, and runs it.
[[nodiscard]] int serve(const Configuration& configuration, Supervision& supervision);

/// What the process of every server does first.
void prepare_server_process();

/// One a line.
[[nodiscard]] std::string mistakes_text(const std::vector<config::Mistake>& mistakes);

}  // namespace cli
