#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include "broker/broker.h"
#include "cli/configuration.h"
#include "cli/data_owner.h"
#include "cli/notify.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/serving.h"

namespace cli {
namespace {

/// What a process killed by a signal gives its shell.
constexpr int exit_by_signal = 128;

std::string manager() {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  return socket != nullptr ? socket : "";
}

/// A process that does everything itself, and hears signals.
class Alone final : public Supervision {
 public:
  /// `named`: the file that the command line names, or empty.
  explicit Alone(std::string named) : named_(std::move(named)) {}

  void prepare(sys::real::RealWorld& world) override {
    signals_.emplace(world.loop, std::vector{SIGTERM, SIGINT, SIGHUP});
  }
  void release() override { signals_.reset(); }
  void ready() override {
    complain("ready");
    notify_manager(manager_, "READY=1");
  }
  void stopping() override {
    stopping_ = true;
    notify_manager(manager_, "STOPPING=1");
  }
  [[nodiscard]] std::expected<Configuration, std::string> read_again() override {
    auto read = load_configuration(named_);
    if (!read) return std::unexpected(mistakes_text(read.error()));
    return *std::move(read);
  }
  [[nodiscard]] base::Task<std::optional<Order>> next_order() override {
    const base::Io<int> signal = co_await sys::real::wait(*signals_);
    if (!signal) co_return std::nullopt;
    if (*signal == SIGHUP) co_return Order::reload;
    // Whoever asks twice does not want to wait. What was acknowledged is on the disk (P1).
    if (stopping_) ::_exit(exit_by_signal + *signal);
    co_return Order::stop;
  }

 private:
  std::string named_;
  std::string manager_ = manager();
  std::optional<sys::real::Signals> signals_;
  bool stopping_ = false;
};

/// Root keeps its privileges to itself, and lets another user do the work.
int serve_through_broker(const ServeOptions& options) {
  const auto load = [&options]() -> std::expected<broker::Loaded, std::string> {
    auto read = read_privileged(options.config);
    if (!read) return std::unexpected(mistakes_text(read.error()));
    return broker::Loaded{std::move(read->file), std::move(read->text), std::move(read->config)};
  };
  auto first = load();
  if (!first) {
    complain(first.error());
    return exit_usage;
  }
  const config::Config& config = *first->config;
  if (const auto made = make_for_owner(config.data_dir, config.privileges.user); !made) {
    complain("posthaste: " + made.error());
    return exit_failed;
  }
  const std::string socket = manager();
  return broker::run(
      *std::move(first),
      {.load = load, .complain = complain, .notify = [&socket](std::string_view state) {
         notify_manager(socket, state);
       }});
}

bool is_user(const std::string& name) {
  const passwd* const user = ::getpwnam(name.c_str());
  return user != nullptr && user->pw_uid == ::geteuid();
}

/// Why a process without root's privileges cannot do what is configured; empty: it can.
std::string missing_privileges(const config::Config& config) {
  const std::string& user = config.privileges.user;
  if (config.needs_other_users) {
    return "the configuration has deliveries or programs under other users: only root can start "
           "this server";
  }
  if (user.empty() || is_user(user)) return {};
  return "privileges.user is " + user + ": only root and " + user + " can start this server";
}

}  // namespace

int run(const ServeOptions& options) {
  const bool is_root = ::geteuid() == 0;
  if (is_root) {
    const auto read = read_configuration(options.config);
    const bool separate = read && !read->config->privileges.user.empty();
    prepare_server_process();
    if (separate) return serve_through_broker(options);
  }
  const auto configuration = load_configuration(options.config);
  if (!configuration) {
    print_mistakes(configuration.error());
    return exit_usage;
  }
  if (const std::string why = missing_privileges(*configuration->config); !why.empty()) {
    complain("posthaste: " + why);
    return exit_failed;
  }
  prepare_server_process();
  Alone alone(options.config);
  return serve(*configuration, alone);
}

}  // namespace cli
