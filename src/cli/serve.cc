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

/// One run of a server, from its start to the signal that ends it.
class Serving {
 public:
  Serving(const Configuration& configuration, LogFile log)
      : config_(configuration.config),
        log_(std::move(log)),
        world_({.servers = config_->dns.servers,
                .timeout = std::chrono::ceil<std::chrono::milliseconds>(config_->dns.timeout)}),
        signals_(world_.loop, {SIGTERM, SIGINT, SIGHUP}),
        host_(world_, config_, [this](std::string_view lines) { log_.write(lines); }),
        server_(host_.server()) {
    const char* socket = std::getenv("NOTIFY_SOCKET");
    if (socket != nullptr) manager_ = socket;
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
        reopen_log();
        continue;
      }
      // Whoever asks twice does not want to wait. What was acknowledged is on the disk (P1).
      if (stopping) ::_exit(exit_by_signal + *signal);
      stopping = true;
      notify_manager(manager_, "STOPPING=1");
      server_.stop();
    }
  }

  void reopen_log() {
    server_.log().flush();
    const auto opened = log_.reopen();
    if (!opened) complain("posthaste: " + opened.error());
    complain(
        "posthaste: log.file opened anew; this version reads the configuration at its start only");
  }

  std::shared_ptr<const config::Config> config_;
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
  return Serving(*configuration, std::move(*log)).run();
}

}  // namespace cli
