#include "server/settings.h"

#include <algorithm>
#include <utility>

#include "sasl/mechanism.h"
#include "server/srs.h"

namespace server {

namespace {

constexpr std::size_t pem_octets_max = 1024 * 1024;
constexpr std::size_t password_octets_max = 4 * 1024;

std::expected<std::string, std::string> read(sys::Disk& disk, const std::string& path,
                                             std::size_t octets_max) {
  auto text = sys::read_file(disk, path, octets_max);
  if (!text) return std::unexpected(path + ": " + base::describe(text.error()));
  return std::move(*text);
}

/// Between chain and key: a PEM text has none.
constexpr char certificate_separator = '\0';

/// `certificate`: as read_certificate() gives it.
std::expected<std::shared_ptr<sys::TlsContext>, std::string> server_context(
    const World& world, const config::Tls& tls, const std::string& certificate) {
  if (tls.certificate.empty()) return nullptr;
  const std::size_t end = certificate.find(certificate_separator);
  auto context = world.tls.server_context(certificate.substr(0, end), certificate.substr(end + 1));
  if (!context) return std::unexpected(tls.certificate + ": " + context.error());
  return std::move(*context);
}

using Passwords = std::unordered_map<std::string, base::Secret>;

/// Of the smart hosts that routes log in at: the first line of each file.
std::expected<Passwords, std::string> read_passwords(const World& world,
                                                     const route::RouteTable& routes) {
  Passwords out;
  for (const route::Rule& rule : routes.rules()) {
    if (!rule.auth || rule.auth->has_token()) continue;
    if (out.contains(rule.auth->password_file)) continue;
    auto text = read(world.disk, rule.auth->password_file, password_octets_max);
    if (!text) return std::unexpected(text.error());
    std::string password = text->substr(0, text->find('\n'));
    if (password.ends_with('\r')) password.pop_back();
    if (password.empty()) {
      return std::unexpected(rule.auth->password_file + ": expected a password in the first line");
    }
    out.emplace(rule.auth->password_file, base::Secret(std::move(password)));
  }
  return out;
}

reception::ListenerSettings listener_settings(const config::Config& config,
                                              const config::Listener& listener, bool has_tls) {
  using policy::ListenerRole;
  const bool submits =
      listener.role == ListenerRole::submission || listener.role == ListenerRole::submissions;
  reception::ListenerSettings out{
      .address = listener.address, .unix_path = listener.unix_path, .role = listener.role};
  out.options.lmtp = listener.role == ListenerRole::lmtp;
  out.needs_auth = submits && !config.sandbox;
  out.options.hostname = config.hostname;
  out.options.message_size = config.limits.message_size;
  out.options.recipients = config.limits.recipients;
  out.options.idle_timeout = config.limits.idle_timeout;
  out.options.tls_at_once = listener.role == ListenerRole::submissions;
  out.options.starttls = has_tls && !out.options.tls_at_once;
  if (submits) {
    out.options.auth_mechanisms = {"PLAIN", "LOGIN"};
    if (config.directory->has_scram()) out.options.auth_mechanisms.push_back("SCRAM-SHA-256");
  }
  out.options.auth_without_tls = config.sandbox;
  out.options.require_auth = out.needs_auth;
  out.options.etrn = !config.etrn.domains.empty() && listener.role != ListenerRole::lmtp;
  return out;
}

/// What local programs submit by: to anybody, without a login, since the system says who they are.
reception::ListenerSettings submit_settings(const config::Config& config) {
  reception::ListenerSettings out =
      listener_settings(config, {.address = {}, .role = policy::ListenerRole::submission}, false);
  out.unix_path = submit_path(config.data_dir);
  out.for_all_users = true;
  out.needs_auth = false;
  out.options.auth_mechanisms.clear();
  out.options.etrn = false;
  out.options.require_auth = false;
  return out;
}

}  // namespace

std::shared_ptr<delivery::Settings> delivery_settings(const config::Config& config) {
  auto out = std::make_shared<delivery::Settings>();
  out->hostname = config.hostname;
  out->helo = config.delivery.helo;
  if (auto hostname = grammar::Domain::parse(config.hostname)) out->lookup.hostname = *hostname;
  for (const config::Listener& listener : config.listeners) {
    if (listener.unix_path.empty()) out->lookup.listeners.push_back(listener.address);
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
  out->rewrites = std::ranges::any_of(config.routes.rules(), [](const route::Rule& rule) {
    return rule.rewrite != route::Rewrite::none;
  });
  out->honors_routes = config.relay.source_routes == policy::SourceRoutes::honor;
  out->reverse_routes = out->honors_routes && config.relay.reverse_routes;
  out->directory = config.directory;
  out->tls = config.delivery.tls;
  out->messages_per_connection = config.delivery.messages_per_connection;
  out->etrn = route::DomainSet(config.etrn.domains);
  out->queue = queue_options(config);
  return out;
}

std::expected<std::string, std::string> read_certificate(const World& world,
                                                         const config::Tls& tls) {
  if (tls.certificate.empty()) return std::string();
  auto chain = read(world.disk, tls.certificate, pem_octets_max);
  if (!chain) return std::unexpected(chain.error());
  auto key = read(world.disk, tls.key, pem_octets_max);
  if (!key) return std::unexpected(key.error());
  return *chain + certificate_separator + *key;
}

std::expected<Settings, std::string> make_settings(const World& world, const config::Config& config,
                                                   Purpose purpose) {
  Settings out;
  auto reception = std::make_shared<reception::Settings>();
  auto delivery = delivery_settings(config);
  if (purpose == Purpose::serve) {
    auto certificate = read_certificate(world, config.tls);
    if (!certificate) return std::unexpected(certificate.error());
    out.certificate = std::move(*certificate);
    auto context = server_context(world, config.tls, out.certificate);
    if (!context) return std::unexpected(context.error());
    reception->tls = std::move(*context);
    auto client = world.tls.client_context("");
    if (!client) return std::unexpected("trusted certificates: " + client.error());
    delivery->tls_client = std::move(*client);
    auto passwords = read_passwords(world, config.routes);
    if (!passwords) return std::unexpected(passwords.error());
    delivery->passwords = std::move(*passwords);
    for (const config::Listener& listener : config.listeners) {
      reception->listeners.push_back(
          listener_settings(config, listener, reception->tls != nullptr));
    }
  }
  reception->hostname = config.hostname;
  if (submit_path(config.data_dir).size() <= socket_path_octets_max) {
    reception->listeners.push_back(submit_settings(config));
  }
  reception->relay = config.relay;
  reception->limits = {config.limits.sessions, config.limits.sessions_per_client};
  reception->rates = {.messages_per_client = config.limits.messages_per_client,
                      .messages_per_user = config.limits.messages_per_user,
                      .recipients_per_user = config.limits.recipients_per_user,
                      .etrn_per_client = config.etrn.requests_per_client};
  reception->etrn_domains = delivery->etrn;
  reception->etrn_networks = config.etrn.networks;
  reception->directory = config.directory;
  reception->routes = config.routes;
  if (purpose != Purpose::change_queue) {
    auto srs = load_srs(world, config.srs);
    if (!srs) return std::unexpected(srs.error());
    reception->srs = std::move(srs->srs);
    out.unsaved_srs_secret = std::move(srs->unsaved);
  }
  out.reception = std::move(reception);
  out.delivery = std::move(delivery);
  return out;
}

queue::Options queue_options(const config::Config& config) {
  return {.retry = config.queue.retry,
          .expire = config.queue.expire,
          .connections = config.delivery.connections_per_host,
          .warn_after = config.queue.warn_after.value_or(base::Duration::zero()),
          .messages = config.delivery.messages_per_host};
}

engine::Event::Format event_format(const config::Config& config) {
  return config.log.format == config::LogFormat::json ? engine::Event::Format::json
                                                      : engine::Event::Format::text;
}

std::string spool_directory(const std::string& data_dir) { return data_dir + "/spool"; }

std::string trace_directory(const std::string& data_dir) { return data_dir + "/trace"; }

trace::Options trace_options(const config::Config& config) {
  return {.directory = trace_directory(config.data_dir),
          .keep = config.trace.keep,
          .octets_max = config.trace.size};
}

std::string public_directory(const std::string& data_dir) { return data_dir + "/public"; }

std::string submit_path(const std::string& data_dir) {
  return public_directory(data_dir) + "/submit";
}

spool::SpoolOptions spool_options(const config::Config& config) {
  spool::SpoolOptions out;
  out.directory = spool_directory(config.data_dir);
  out.synchronous = config.queue.durability == config::Durability::fsync;
  return out;
}

}  // namespace server
