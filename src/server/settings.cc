#include "server/settings.h"

#include <utility>

#include "sasl/mechanism.h"

namespace server {

namespace {

constexpr std::size_t pem_octets_max = 1024 * 1024;

std::expected<std::string, std::string> read_pem(sys::Disk& disk, const std::string& path) {
  auto text = sys::read_file(disk, path, pem_octets_max);
  if (!text) return std::unexpected(path + ": " + base::describe(text.error()));
  return std::move(*text);
}

std::expected<std::shared_ptr<sys::TlsContext>, std::string> server_certificate(
    const World& world, const config::Tls& tls) {
  if (tls.certificate.empty()) return nullptr;
  auto chain = read_pem(world.disk, tls.certificate);
  if (!chain) return std::unexpected(chain.error());
  auto key = read_pem(world.disk, tls.key);
  if (!key) return std::unexpected(key.error());
  auto context = world.tls.server_context(*chain, *key);
  if (!context) return std::unexpected(tls.certificate + ": " + context.error());
  return std::move(*context);
}

reception::ListenerSettings listener_settings(const config::Config& config,
                                              const config::Listener& listener, bool has_tls) {
  using policy::ListenerRole;
  const bool submits = listener.role == ListenerRole::submission ||
                       listener.role == ListenerRole::submissions;
  reception::ListenerSettings out{
      .address = listener.address, .unix_path = {}, .role = listener.role};
  out.options.lmtp = listener.role == ListenerRole::lmtp;
  out.needs_auth = submits && !config.sandbox;
  out.options.hostname = config.hostname;
  out.options.message_size = config.limits.message_size;
  out.options.recipients = config.limits.recipients;
  out.options.idle_timeout = config.limits.idle_timeout;
  out.options.tls_at_once = listener.role == ListenerRole::submissions;
  out.options.starttls = has_tls && !out.options.tls_at_once;
  if (submits) out.options.auth_mechanisms = {"PLAIN", "LOGIN"};
  out.options.auth_without_tls = config.sandbox;
  out.options.require_auth = out.needs_auth;
  return out;
}

delivery::TlsDemand tls_demand(config::TlsPolicy policy) {
  switch (policy) {
    case config::TlsPolicy::off: return delivery::TlsDemand::off;
    case config::TlsPolicy::opportunistic: return delivery::TlsDemand::opportunistic;
    case config::TlsPolicy::require: return delivery::TlsDemand::require;
    case config::TlsPolicy::verify: return delivery::TlsDemand::verify;
  }
  return delivery::TlsDemand::opportunistic;
}

std::shared_ptr<delivery::Settings> delivery_settings(const config::Config& config) {
  auto out = std::make_shared<delivery::Settings>();
  out->hostname = config.hostname;
  out->helo = config.delivery.helo;
  if (auto hostname = grammar::Domain::parse(config.hostname)) out->lookup.hostname = *hostname;
  for (const config::Listener& listener : config.listeners) {
    out->lookup.listeners.push_back(listener.address);
  }
  out->lookup.refuse_networks = config.delivery.refuse_networks;
  out->lookup.port = config.delivery.port;
  for (const base::IpAddress& source : config.delivery.source_addresses) {
    auto& family = source.is_v4() ? out->source_v4 : out->source_v6;
    if (!family) family = source;
  }
  if (out->source_v4 || out->source_v6) {
    out->lookup.dial_v4 = out->source_v4.has_value();
    out->lookup.dial_v6 = out->source_v6.has_value();
  }
  out->domains = config.local_domains;
  out->routes = config.routes;
  out->directory = config.directory;
  out->tls = tls_demand(config.delivery.tls);
  out->messages_per_connection = config.delivery.messages_per_connection;
  return out;
}

}  // namespace

std::expected<Settings, std::string> make_settings(const World& world,
                                                   const config::Config& config) {
  auto certificate = server_certificate(world, config.tls);
  if (!certificate) return std::unexpected(certificate.error());
  auto client = world.tls.client_context("");
  if (!client) return std::unexpected("trusted certificates: " + client.error());

  auto reception = std::make_shared<reception::Settings>();
  reception->hostname = config.hostname;
  for (const config::Listener& listener : config.listeners) {
    reception->listeners.push_back(listener_settings(config, listener, *certificate != nullptr));
  }
  reception->relay = config.relay;
  reception->limits = {config.limits.sessions, config.limits.sessions_per_client};
  reception->directory = config.directory;
  reception->routes = config.routes;
  reception->tls = std::move(*certificate);

  auto delivery = delivery_settings(config);
  delivery->tls_client = std::move(*client);
  return Settings{std::move(reception), std::move(delivery)};
}

queue::Options queue_options(const config::Config& config) {
  return {config.queue.retry, config.queue.expire, config.delivery.connections_per_host};
}

std::string spool_directory(const std::string& data_dir) { return data_dir + "/spool"; }

spool::SpoolOptions spool_options(const config::Config& config) {
  spool::SpoolOptions out;
  out.directory = spool_directory(config.data_dir);
  out.synchronous = config.queue.durability == config::Durability::fsync;
  return out;
}

}  // namespace server
