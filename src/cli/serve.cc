#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/group.h"
#include "cli/configuration.h"
#include "cli/log_file.h"
#include "cli/notify.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/server_host.h"

namespace cli {
namespace {

/// What a process killed by a signal gives its shell.
constexpr int exit_by_signal = 128;

std::string mistakes_text(const std::vector<config::Mistake>& mistakes) {
  std::string out;
  for (const config::Mistake& mistake : mistakes) out += mistake.print() + '\n';
  if (!out.empty()) out.pop_back();
  return out;
}

/// One run of a server, from its start to the signal that ends it.
class Serving {
 public:
  /// `named`: the file that the command line names, or empty.
  Serving(std::string named, const Configuration& configuration, LogFile log)
      : named_(std::move(named)),
        config_(configuration.config),
        log_(std::move(log)),
        world_(resolver_options(config_->dns)),
        signals_(world_.loop, {SIGTERM, SIGINT, SIGHUP}),
        host_(world_, config_, [this](std::string_view lines) { log_.write(lines); }),
        server_(host_.server()) {
    const char* socket = std::getenv("NOTIFY_SOCKET");
    if (socket != nullptr) manager_ = socket;
    server_.set_reloader([this] { return reload(); });
  }

  int run() {
    base::Group group;
    group.spawn(serve());
    world_.loop.run();
    return status_;
  }

 private:
  base::Task<> serve() {
    watching_.spawn(watch_signals());
    const auto started = co_await server_.start();
    if (started) {
      announce();
    } else {
      complain("posthaste: " + started.error());
      status_ = exit_failed;
    }
    co_await server_.run();
    watching_.cancel();
    co_await watching_.join();
    world_.loop.stop();
  }

  void announce() {
    if (config_->sandbox) {
      const auto addresses = server_.addresses();
      complain("posthaste: a sandbox, for there is no configuration; nothing leaves this machine");
      complain("  incoming mail   smtp " + addresses[0].to_string());
      complain("  submission      smtp " + addresses[1].to_string() + ", without a login");
      complain("  captured mail   " + config_->data_dir + "/mail/DOMAIN/LOCAL-PART");
    }
    complain("ready");
    notify_manager(manager_, "READY=1");
  }

  base::Task<> watch_signals() {
    bool stopping = false;
    for (;;) {
      const base::Io<int> signal = co_await sys::real::wait(signals_);
      if (!signal) co_return;
      if (*signal == SIGHUP) {
        (void)reload();
        continue;
      }
      // Whoever asks twice does not want to wait. What was acknowledged is on the disk (P1).
      if (stopping) ::_exit(exit_by_signal + *signal);
      stopping = true;
      notify_manager(manager_, "STOPPING=1");
      server_.stop();
    }
  }

  /// SIGHUP, or a request at the control socket: all of the configuration is in force, or nothing.
  std::expected<void, std::string> reload() {
    server_.log().flush();
    // For whoever moved the file away; where the new configuration wants it comes after that.
    if (const auto opened = log_.reopen(); !opened) complain("posthaste: " + opened.error());
    const auto read = load_configuration(named_);
    if (!read) return keep_old(mistakes_text(read.error()), true);
    auto log = LogFile::open(read->config->log.file);
    if (!log) return keep_old(log.error(), true);
    if (const auto done = server_.reload(read->config); !done) return keep_old(done.error(), false);
    // The event that tells of it has not been written yet: it goes to the new file.
    log_ = std::move(*log);
    host_.set_dns(read->config->dns);
    for (const std::string& warning : read->config->warnings) complain("posthaste: " + warning);
    complain("posthaste: the configuration has been reloaded");
    return {};
  }

  std::expected<void, std::string> keep_old(std::string why, bool unread) {
    complain("posthaste: the configuration has not been reloaded; the old one stays in force:");
    complain(why);
    if (unread) server_.reload_failed(why);
    return std::unexpected(std::move(why));
  }

  std::string named_;
  std::shared_ptr<const config::Config> config_;  ///< As it was at the start.
  LogFile log_;
  std::string manager_;
  sys::real::RealWorld world_;
  sys::real::Signals signals_;
  ServerHost host_;
  server::Server& server_;
  base::Group watching_;
  int status_ = exit_done;
};

void prepare_process() {
  ::umask(077);
  ::signal(SIGPIPE, SIG_IGN);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &files);
  }
}

}  // namespace

int run(const ServeOptions& options) {
  const auto configuration = load_configuration(options.config);
  if (!configuration) {
    print_mistakes(configuration.error());
    return exit_usage;
  }
  for (const std::string& warning : configuration->config->warnings) {
    complain("posthaste: " + warning);
  }
  prepare_process();
  auto log = LogFile::open(configuration->config->log.file);
  if (!log) {
    complain("posthaste: " + log.error());
    return exit_failed;
  }
  return Serving(options.config, *configuration, std::move(*log)).run();
}

}  // namespace cli
