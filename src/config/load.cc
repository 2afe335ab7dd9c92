#include "config/load.h"

#include <fmt/format.h>

#include "config/values.h"

namespace config {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view default_admin_address = "127.0.0.1:8025";
constexpr std::uint16_t dns_port = 53;

constexpr Choice<policy::ListenerRole> roles[] = {
    {"mx", policy::ListenerRole::mx},
    {"submission", policy::ListenerRole::submission},
    {"submissions", policy::ListenerRole::submissions},
    {"lmtp", {}},
};

void read_basics(Section& root, const Loading& loading) {
  Config& config = loading.config;
  if (const auto hostname = root.filled_text("hostname")) {
    config.hostname = hostname_from(hostname->value);
    if (config.hostname.empty()) {
      root.fail(*hostname,
                fmt::format("expected a host name such as \"mx.example.org\", found \"{}\"",
                            hostname->value));
    }
  }
  if (const auto data_dir = root.filled_text("data_dir")) config.data_dir = data_dir->value;
  config.data_dir = loading.resolve(config.data_dir);
}

std::optional<base::Endpoint> read_listener_address(Section& section) {
  constexpr std::string_view expected = "expected IPv4:port, [IPv6]:port or unix:/path";
  const auto text = section.required_text("address", expected);
  if (!text) return std::nullopt;
  if (text->value.starts_with("unix:/")) {
    section.fail(*text, "unix: listeners are not supported yet");
    return std::nullopt;
  }
  const auto address = base::Endpoint::parse(text->value);
  if (!address || address->port == 0) {
    section.fail(*text, fmt::format("{}, found \"{}\"", expected, text->value));
    return std::nullopt;
  }
  return address;
}

void read_listeners(Section& root, const Loading& loading) {
  Config& config = loading.config;
  const bool has_certificate = !config.tls.certificate.empty();
  for (Section& section : root.tables("listener")) {
    Listener listener;
    const auto address = read_listener_address(section);
    section.choice("role", roles, listener.role);
    section.not_supported_yet("proxy_protocol");
    section.not_supported_yet("trusted");
    section.finish();
    if (!has_certificate && listener.role != policy::ListenerRole::mx) {
      section.fail(
          "expected certificate and key in [tls]: without them nobody can log in at a submission "
          "or submissions listener");
    }
    if (!address) continue;
    listener.address = *address;
    for (const Listener& other : config.listeners) {
      if (other.address == listener.address) {
        section.fail(
            fmt::format("another [[listener]] has the address {}", listener.address.to_string()));
      }
    }
    config.listeners.push_back(listener);
  }
  if (config.listeners.empty()) loading.warn("there is no [[listener]]: no mail comes in by SMTP");
}

void read_tls(Section& root, const Loading& loading) {
  Config& config = loading.config;
  Section tls = root.table("tls");
  const auto certificate = tls.filled_text("certificate");
  const auto key = tls.filled_text("key");
  tls.finish();
  if (certificate.has_value() != key.has_value()) {
    tls.fail(certificate ? *certificate : *key,
             fmt::format("expected both certificate and key, {} is missing",
                         certificate ? "key" : "certificate"));
  }
  if (certificate) {
    config.tls.certificate = loading.resolve(certificate->value);
    config.files.push_back({certificate->key, config.tls.certificate, certificate->position});
  }
  if (key) {
    config.tls.key = loading.resolve(key->value);
    config.files.push_back({key->key, config.tls.key, key->position});
  }
}

void read_dns(Section& root, const Loading& loading) {
  Dns& out = loading.config.dns;
  Section dns = root.table("dns");
  for (const Text& text : dns.texts("servers")) {
    auto server = base::Endpoint::parse(text.value);
    if (const auto address = base::IpAddress::parse(text.value)) {
      server = base::Endpoint{.address = *address, .port = dns_port};
    }
    if (server && server->port != 0) {
      out.servers.push_back(*server);
    } else {
      dns.fail(text,
               fmt::format("expected an address such as \"192.0.2.53\", \"192.0.2.53:5353\" or "
                           "\"[2001:db8::53]:53\", found \"{}\"",
                           text.value));
    }
  }
  dns.duration("timeout", {.min = 1s, .max = 5min}, out.timeout);
  dns.finish();
}

void read_admin(Section& root, const Loading& loading) {
  Section admin = root.table("admin");
  const auto text = admin.text("address");
  admin.finish();
  if (!text) return;
  loading.config.admin.address = base::Endpoint::parse(text->value);
  if (text->value.empty() || text->value == default_admin_address) return;
  if (!loading.config.admin.address || loading.config.admin.address->port == 0) {
    admin.fail(*text,
               fmt::format("expected IPv4:port, [IPv6]:port or an empty string, found \"{}\"",
                           text->value));
  } else {
    admin.fail(*text, "an address of the web page is not supported yet");
  }
}

}  // namespace

std::string Loading::resolve(std::string_view path) const {
  if (path.starts_with('/') || options.base_folder.empty()) return std::string(path);
  const std::string_view slash = options.base_folder.ends_with('/') ? "" : "/";
  return fmt::format("{}{}{}", options.base_folder, slash, path);
}

std::string hostname_from(std::string_view text) {
  const auto domain = grammar::Domain::parse(text);
  if (!domain || domain->is_literal()) return {};
  return domain->ascii();
}

std::expected<Config, std::vector<Mistake>> load(std::string_view text,
                                                 const LoadOptions& options) {
  const auto document = parse_document(text, options.file_name);
  if (!document) return std::unexpected(std::vector{document.error()});

  Config config = defaults(options.machine_name);
  config.delivery.helo.clear();  // By default what `hostname` will say.
  config.admin.address = base::Endpoint::parse(default_admin_address);
  Problems problems(options.file_name);
  Section root(&*document, {}, problems);
  const Loading loading{.options = options, .config = config};
  read_basics(root, loading);
  read_tls(root, loading);
  read_listeners(root, loading);
  read_dns(root, loading);
  read_directory(root, loading);
  read_routing(root, loading);
  read_operation(root, loading);
  read_admin(root, loading);
  root.finish();
  if (!problems.empty()) return std::unexpected(problems.take());
  if (config.delivery.helo.empty()) config.delivery.helo = config.hostname;
  return config;
}

}  // namespace config
