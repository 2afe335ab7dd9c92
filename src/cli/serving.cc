#include "cli/serving.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "cli/options.h"
#include "cli/output.h"

namespace cli {

std::string mistakes_text(const std::vector<config::Mistake>& mistakes) {
  std::string out;
  for (const config::Mistake& mistake : mistakes) out += mistake.print() + '\n';
  if (!out.empty()) out.pop_back();
  return out;
}

Serving::World::World(const config::Dns& dns, Supervision& supervision)
    : RealWorld(resolver_options(dns)), supervision_(supervision) {
  supervision_.prepare(*this);
}

Serving::World::~World() { supervision_.release(); }

Serving::Serving(const Configuration& configuration, LogFile log, Supervision& supervision)
    : config_(configuration.config),
      log_(std::move(log)),
      supervision_(supervision),
      world_(config_->dns, supervision),
      host_(world_, config_, [this](std::string_view lines) { log_.write(lines); }),
      server_(host_.server()) {
  server_.set_reloader([this] { return reload(); });
}

int Serving::run() {
  base::Group group;
  group.spawn(serve());
  world_.loop.run();
  return status_;
}

base::Task<> Serving::serve() {
  watching_.spawn(obey());
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

void Serving::announce() {
  if (config_->sandbox) {
    const auto addresses = server_.addresses();
    complain("posthaste: a sandbox, for there is no configuration; nothing leaves this machine");
    complain("  incoming mail   smtp " + addresses[0].to_string());
    complain("  submission      smtp " + addresses[1].to_string() + ", without a login");
    complain("  captured mail   " + config_->data_dir + "/mail/DOMAIN/LOCAL-PART");
  }
  supervision_.ready();
}

base::Task<> Serving::obey() {
  for (;;) {
    const auto order = co_await supervision_.next_order();
    if (!order) co_return;
    switch (*order) {
      case Supervision::Order::reload: (void)reload(); continue;
      case Supervision::Order::stop: break;
      case Supervision::Order::end: ::_exit(exit_failed);
    }
    supervision_.stopping();
    server_.stop();
  }
}

/// SIGHUP, or a request at the control socket: all of the configuration is in force, or nothing.
std::expected<void, std::string> Serving::reload() {
  auto done = take_over();
  supervision_.taken_over(done.has_value());
  return done;
}

std::expected<void, std::string> Serving::take_over() {
  server_.log().flush();
  // For whoever moved the file away; where the new configuration wants it comes after that.
  if (const auto opened = log_.reopen(); !opened) complain("posthaste: " + opened.error());
  const auto read = supervision_.read_again();
  if (!read) return keep_old(read.error(), true);
  auto log = LogFile::open(read->config->log.file, supervision_.log_opener());
  if (!log) return keep_old(log.error(), true);
  if (const auto done = server_.reload(read->config); !done) return keep_old(done.error(), false);
  // The event that tells of it has not been written yet: it goes to the new file.
  log_ = std::move(*log);
  host_.set_dns(read->config->dns);
  for (const std::string& warning : read->config->warnings) complain("posthaste: " + warning);
  complain("posthaste: the configuration has been reloaded");
  return {};
}

std::expected<void, std::string> Serving::keep_old(std::string why, bool unread) {
  complain("posthaste: the configuration has not been reloaded; the old one stays in force:");
  complain(why);
  if (unread) server_.reload_failed(why);
  return std::unexpected(std::move(why));
}

int serve(const Configuration& configuration, Supervision& supervision) {
  for (const std::string& warning : configuration.config->warnings) {
    complain("posthaste: " + warning);
  }
  auto log = LogFile::open(configuration.config->log.file, supervision.log_opener());
  if (!log) {
    complain("posthaste: " + log.error());
    return exit_failed;
  }
  return Serving(configuration, std::move(*log), supervision).run();
}

void prepare_server_process() {
  ::umask(077);
  ::signal(SIGPIPE, SIG_IGN);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &files);
  }
}

}  // namespace cli
