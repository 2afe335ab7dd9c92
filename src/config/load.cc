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
    {"lmtp", policy::ListenerRole::lmtp},
};
constexpr std::string_view unix_prefix = "unix:";

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

/// False: the address is missing, or a mistake.
bool read_listener_address(Section& section, Listener& out) {
  constexpr std::string_view expected = "expected IPv4:port, [IPv6]:port or unix:/path";
  const auto text = section.required_text("address", expected);
  if (!text) return false;
  if (text->value.starts_with("unix:/")) {
    out.unix_path = text->value.substr(unix_prefix.size());
    if (out.unix_path.size() <= unix_path_octets_max) return true;
    section.fail(*text, fmt::format("expected a path of at most {} octets after unix:",
                                    unix_path_octets_max));
    return false;
  }
  const auto address = base::Endpoint::parse(text->value);
  if (!address || address->port == 0) {
    section.fail(*text, fmt::format("{}, found \"{}\"", expected, text->value));
    return false;
  }
  out.address = *address;
  return true;
}

/// Who may not log in without TLS needs a certificate; a Unix socket is no network.
bool needs_certificate(const Listener& listener) {
  switch (listener.role) {
    case policy::ListenerRole::mx:
    case policy::ListenerRole::lmtp: return false;
    case policy::ListenerRole::submission: return listener.unix_path.empty();
    case policy::ListenerRole::submissions: break;
  }
  return true;
}

void check_listener(Section& section, const Listener& listener, const Config& config) {
  const bool tcp = listener.unix_path.empty();
  for (const Listener& other : config.listeners) {
    if (other.address != listener.address || other.unix_path != listener.unix_path) continue;
    section.fail(fmt::format("another [[listener]] has the address {}",
                             tcp ? listener.address.to_string() : "unix:" + listener.unix_path));
  }
  // [RFC2033 5]: whoever finds port 25 expects SMTP there.
  if (tcp && listener.role == policy::ListenerRole::lmtp && listener.address.port == 25) {
    section.fail_at("address", "expected another port than 25, which LMTP must not use");
  }
}

void read_listeners(Section& root, const Loading& loading) {
  Config& config = loading.config;
  const bool has_certificate = !config.tls.certificate.empty();
  for (Section& section : root.tables("listener")) {
    Listener listener;
    const bool has_address = read_listener_address(section, listener);
    section.choice("role", roles, listener.role);
    section.not_supported_yet("proxy_protocol");
    section.not_supported_yet("trusted");
    section.finish();
    if (!has_certificate && needs_certificate(listener)) {
      section.fail(
          "expected certificate and key in [tls]: without them nobody can log in at a submission "
          "or submissions listener");
    }
    if (!has_address) continue;
    check_listener(section, listener, config);
    config.listeners.push_back(std::move(listener));
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
  if (certificate) config.tls.certificate = loading.name_file(*certificate);
  if (key) config.tls.key = loading.name_file(*key);
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
  std::optional<base::Endpoint>& address = loading.config.admin.address;
  address = base::Endpoint::parse(text->value);
  if (!text->value.empty() && (!address || address->port == 0)) {
    admin.fail(*text,
               fmt::format("expected IPv4:port, [IPv6]:port or an empty string, found \"{}\"",
                           text->value));
  }
  if (address && !address->address.is_loopback()) {
    loading.warn(fmt::format(
        "admin.address: whoever reaches {} sees the figures of this server without a login",
        address->to_string()));
  }
}

/// The files that are named and missing, and a certificate that no server could use.
void check_files(const Loading& loading, Problems& problems) {
  const LoadQuestions& questions = loading.options.questions;
  const NamedFile* certificate = nullptr;
  bool tls_is_there = true;
  for (const NamedFile& file : loading.config.files) {
    const bool of_tls = file.key.starts_with("tls.");
    if (of_tls && certificate == nullptr) certificate = &file;
    if (!questions.is_readable || questions.is_readable(file.path)) continue;
    if (of_tls) tls_is_there = false;
    problems.add(file.position, file.key,
                 fmt::format("expected a readable file, found none at {}", file.path));
  }
  const Tls& tls = loading.config.tls;
  if (tls.certificate.empty() || tls.key.empty() || !tls_is_there) return;
  if (!questions.certificate_problem) return;
  if (std::string what = questions.certificate_problem(tls); !what.empty()) {
    problems.add(certificate->position, certificate->key, std::move(what));
  }
}

}  // namespace

std::string Loading::resolve(std::string_view path) const {
  if (path.starts_with('/') || options.base_folder.empty()) return std::string(path);
  const std::string_view slash = options.base_folder.ends_with('/') ? "" : "/";
  return fmt::format("{}{}{}", options.base_folder, slash, path);
}

std::string Loading::name_file(const Text& text) const {
  config.files.push_back({text.key, resolve(text.value), text.position});
  return config.files.back().path;
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
  return load(*document, "", options);
}

std::expected<Config, std::vector<Mistake>> load(const Node& document, const std::string& path,
                                                 const LoadOptions& options) {
  Config config = defaults(options.machine_name);
  config.delivery.helo.clear();  // By default what `hostname` will say.
  config.admin.address = base::Endpoint::parse(default_admin_address);
  Problems problems(options.file_name);
  Section root(&document, path, problems);
  Loading loading{.options = options, .config = config};
  read_basics(root, loading);
  read_privileges(root, loading);
  read_tls(root, loading);
  read_listeners(root, loading);
  read_dns(root, loading);
  read_operation(root, loading);
  read_directory(root, loading);
  read_srs(root, loading);
  read_routing(root, loading);
  read_etrn(root, loading);
  read_admin(root, loading);
  root.finish();
  check_files(loading, problems);
  if (!problems.empty()) return std::unexpected(problems.take());
  if (config.delivery.helo.empty()) config.delivery.helo = config.hostname;
  return config;
}

}  // namespace config
