#include <utility>

#include "server/server.h"

namespace server {

namespace {

/// How long a certificate that has changed may go unnoticed.
constexpr base::Duration certificate_interval = std::chrono::minutes(1);

/// What the server was built upon, and cannot change while it runs; empty: nothing of it changes.
std::string fixed_difference(const config::Config& now, const config::Config& wanted) {
  if (now.data_dir != wanted.data_dir) return "data_dir: only a restart can change it";
  if (now.queue.durability != wanted.queue.durability) {
    return "queue.durability: only a restart can change it";
  }
  if (now.sandbox != wanted.sandbox) return "there is a configuration now: restart the server";
  return {};
}

}  // namespace

std::expected<void, std::string> Server::reload(ConfigPointer config) {
  Started done = apply(config);
  if (!done) {
    reload_failed(done.error());
    return done;
  }
  auto event = log_.event("reloaded");
  log_.write(event);
  return done;
}

void Server::reload_failed(const std::string& why) {
  auto event = log_.event("reload_failed");
  event.text("reason", why);
  log_.write(event);
}

/// First everything that may fail, then everything that can't.
Server::Started Server::apply(const ConfigPointer& config) {
  if (!started_ || purpose_ != Purpose::serve) return std::unexpected("the server does not run");
  if (std::string what = fixed_difference(*config_, *config); !what.empty()) {
    return std::unexpected(std::move(what));
  }
  auto settings = make_settings(world_, *config);
  if (!settings) return std::unexpected(settings.error());
  const bool moves = config->admin.address != config_->admin.address;
  std::expected<Http, std::string> http = http_;
  if (moves) http = listen_for_http(*config);
  if (!http) return std::unexpected(http.error());
  if (Started bound = reception_->reload(settings->reception); !bound) return bound;

  delivery_->reload(settings->delivery);
  log_.set_format(event_format(*config));
  keep_trace(config->trace);
  certificate_ = std::move(settings->certificate);
  config_ = config;
  if (!settings->unsaved_srs_secret.empty()) {
    controlling_.spawn(save_new_srs(std::move(settings->unsaved_srs_secret)));
  }
  if (moves) {
    if (http_) http_->stop();
    http_ = std::move(*http);
    if (http_) controlling_.spawn(serve_http(http_));
  }
  return {};
}

/// A crash before that costs the reports about what has been forwarded meanwhile.
base::Task<> Server::save_new_srs(std::string secret) {
  const Started saved = co_await save_srs(std::move(secret));
  if (!saved) reload_failed(saved.error());
}

base::Task<> Server::watch_certificate() {
  std::string refused;  // What was tried in vain is not tried again.
  for (;;) {
    const auto slept = co_await base::operation<base::Io<>>([this](sys::Completion<>& done) {
      return world_.loop.sleep_until(world_.loop.now() + certificate_interval, done);
    });
    if (!slept) co_return;
    const auto found = read_certificate(world_, config_->tls);
    // A file that is missing is about to be replaced.
    if (!found || *found == certificate_ || *found == refused) continue;
    if (!reload(config_)) refused = *found;
  }
}

}  // namespace server
