#include "config/config.h"

#include <fmt/format.h>

#include "base/assert.h"
#include "base/escape.h"
#include "config/load.h"

namespace config {
namespace {

using namespace std::chrono_literals;

std::vector<base::Network> networks(std::initializer_list<std::string_view> texts) {
  std::vector<base::Network> out;
  for (const std::string_view text : texts) out.push_back(base::Network::parse(text).value());
  return out;
}

base::Endpoint loopback(std::uint16_t port) {
  return {.address = base::IpAddress::v4({127, 0, 0, 1}), .port = port};
}

}  // namespace

std::string Mistake::print() const {
  std::string out = file;
  if (position.line != 0) out += fmt::format(":{}", position.line);
  if (position.column != 0) out += fmt::format(":{}", position.column);
  if (!key.empty()) out += ": " + base::escaped(key);
  return out + ": " + base::escaped(message);
}

Config defaults(const std::string& machine_name) {
  Config config;
  config.hostname = hostname_from(machine_name);
  if (config.hostname.empty()) config.hostname = "localhost";
  config.data_dir = "/var/lib/posthaste";
  config.delivery.helo = config.hostname;
  config.delivery.refuse_networks = networks({"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16",
                                              "224.0.0.0/3", "::", "::1", "fe80::/10", "ff00::/8"});
  config.queue.retry = {1min, 5min, 15min, 30min, 1h, 2h, 4h};
  config.directory = std::make_shared<const directory::Snapshot>(directory::SnapshotParts{});
  return config;
}

Config sandbox(const std::string& data_dir, const std::string& machine_name) {
  Config config = defaults(machine_name);
  config.sandbox = true;
  config.data_dir = data_dir;
  config.listeners = {{loopback(2525), policy::ListenerRole::mx},
                      {loopback(2587), policy::ListenerRole::submission}};
  config.admin.address = loopback(8025);

  const route::Target capture{.scheme = route::Scheme::maildir,
                              .argument = data_dir + "/mail/{domain}/{local}"};
  const auto hostname = grammar::Domain::parse(config.hostname);
  PH_ASSERT(hostname.has_value());
  directory::LocalDomain domain{.name = *hostname,
                                .deliver = capture.print(),
                                .recipients = directory::Recipients::any,
                                .plus_addressing = false};
  directory::SnapshotParts parts;
  parts.domains.push_back(domain);  // Of <postmaster>.
  domain.name = {};
  parts.every_other_domain = std::move(domain);
  config.directory = std::make_shared<const directory::Snapshot>(std::move(parts));
  config.local_domains.emplace(*hostname, capture);
  std::vector<route::Rule> rules;
  rules.push_back({.recipient = {}, .via = capture, .lane = {}});
  config.routes = route::RouteTable(std::move(rules));
  return config;
}

}  // namespace config
