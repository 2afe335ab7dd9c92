#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "config/values.h"
#include "lab/reading.h"
#include "server/settings.h"

namespace lab {

using config::Section;
using config::Text;
using namespace std::chrono_literals;

namespace {

constexpr std::uint8_t servers_network = 1;
constexpr std::uint8_t foreign_network = 2;

/// The name, if it is good and nobody else has it.
std::optional<std::string> take_machine(Section& section, Reading& reading) {
  auto name = read_name(section, "name");
  if (!name) return std::nullopt;
  const auto [taken, is_new] = reading.machines.try_emplace(*name, section.path());
  if (!is_new) {
    section.fail_at("name",
                    fmt::format("expected a name of its own, {} is {}", *name, taken->second));
    return std::nullopt;
  }
  if (reading.machines.size() > servers_max)
    section.fail(fmt::format("expected at most {} servers and foreign hosts", servers_max));
  return name;
}

/// A and AAAA, unless the file has them.
void add_host(const std::string& name, const std::vector<base::IpAddress>& addresses,
              Reading& reading) {
  if (!reading.given_addresses.insert(name).second) return;
  for (const base::IpAddress& address : addresses)
    reading.out.records.push_back({name, address.is_v4() ? "A" : "AAAA", address.to_string()});
}

/// MX, unless the file says something about the domain.
void add_mx(const std::string& domain, const std::string& host, Reading& reading) {
  if (reading.given_owners.contains(domain)) return;
  reading.out.records.push_back({domain, "MX", "10 " + host});
}

// Servers.

using Loaded = std::expected<config::Config, std::vector<config::Mistake>>;

/// Where a configuration stands, and what its mistakes are named after.
std::optional<Loaded> load_configuration(Section& section, const std::string& name,
                                         Reading& reading) {
  const config::Node* const given = section.node("config");
  const auto file = section.filled_text("config_file");
  config::LoadOptions options{.file_name = reading.options.file_name,
                              .base_folder = "/",
                              .machine_name = name,
                              .questions = reading.options.questions};
  if (given != nullptr && file) {
    section.fail(*file, "expected either config or config_file");
    return std::nullopt;
  }
  if (given != nullptr && given->kind == config::Node::Kind::text) {
    options.file_name += ": " + section.path() + ".config";
    return config::load(given->text, options);
  }
  if (given != nullptr && given->kind != config::Node::Kind::table) {
    section.fail_at("config",
                    fmt::format("expected a table, or the text of a configuration, found {}",
                                config::describe(given->kind)));
    return std::nullopt;
  }
  if (!file) {
    const config::Node empty{};
    return config::load(given != nullptr ? *given : empty, section.path() + ".config", options);
  }
  const std::string path =
      file->value.starts_with('/') ? file->value : reading.options.base_folder + '/' + file->value;
  const auto text = reading.options.read_file ? reading.options.read_file(path)
                                              : std::unexpected(std::string("no file can be read"));
  if (!text) {
    section.fail(*file, "expected a readable file: " + text.error());
    return std::nullopt;
  }
  options.file_name = path;
  options.base_folder = path.substr(0, path.rfind('/'));
  return config::load(*text, options);
}

/// What it listens at and sends from, beside the addresses that all machines have.
void take_own_addresses(Section& section, const config::Config& config, ServerPlan& plan,
                        Reading& reading) {
  std::vector<base::IpAddress> named = config.delivery.source_addresses;
  for (const config::Listener& listener : config.listeners) {
    if (listener.unix_path.empty()) named.push_back(listener.address.address);
  }
  for (const base::IpAddress& address : named) {
    const bool any = address == base::IpAddress() || address == base::IpAddress::v4({0, 0, 0, 0});
    if (any || address.is_loopback() || contains(plan.addresses, address)) continue;
    if (reading.take_address(section, address, plan.name)) plan.addresses.push_back(address);
  }
}

void read_server(Section& section, Reading& reading) {
  const auto name = take_machine(section, reading);
  const auto address = read_address(section, "address");
  auto loaded = load_configuration(section, name.value_or("server.invalid"), reading);
  section.finish();
  if (loaded && !*loaded) std::ranges::move(loaded->error(), std::back_inserter(reading.elsewhere));
  if (!name || !loaded || !*loaded) {
    reading.complete = false;
    return;
  }
  config::Config& config = **loaded;
  if (config.listeners.empty())
    config.listeners.push_back({.address = {base::IpAddress::v4({0, 0, 0, 0}), 25}});
  if (server::submit_path(config.data_dir).size() > server::socket_path_octets_max)
    section.fail("expected a shorter data_dir: local programs could not submit mail");
  ServerPlan plan{.name = *name, .addresses = {}, .config = {}};
  if (address && reading.take_address(section, *address, *name)) plan.addresses.push_back(*address);
  take_own_addresses(section, config, plan, reading);
  plan.config = std::make_shared<const config::Config>(std::move(config));
  reading.out.servers.push_back(std::move(plan));
}

/// Automatic addresses, when all given ones are taken; then what the DNS says.
void complete_servers(Reading& reading) {
  for (ServerPlan& plan : reading.out.servers) {
    if (plan.addresses.empty())
      plan.addresses.push_back(reading.free_address(servers_network, plan.name));
    add_host(plan.name, plan.addresses, reading);
    add_host(base::lower(plan.config->hostname), plan.addresses, reading);
    std::set<std::string> domains;
    for (const auto& [domain, target] : plan.config->local_domains)
      domains.insert(base::lower(domain.ascii()));
    for (const std::string& domain : domains) add_mx(domain, plan.name, reading);
  }
}

// Foreign hosts.

enum class Key : std::uint8_t { none, delay, each_octet, per_mille, until };

/// A personality by its name, and the key that tunes it.
struct Manner {
  std::string_view name;
  Key key = Key::none;
  Personality personality;
};

std::vector<Manner> manners() {
  return {
      {"modern", Key::none, {}},
      {"rfc821", Key::none, {.offers = {}, .knows_ehlo = false}},
      {"greylister", Key::delay, {.greylists = 10min}},
      {"tarpit", Key::each_octet, {.each_octet = 1s}},
      {"storm", Key::per_mille, {.storm_per_mille = 300}},
      {"drops", Key::per_mille, {.drops_per_mille = 30}},
      {"broken-tls", Key::none, {.breaks_tls = true}},
      {"drops-before-dot", Key::none, {.closes_before_dot = true}},
      {"drops-after-dot", Key::none, {.closes_after_dot = true}},
      {"full", Key::until, {.full_until = base::Duration::max()}},
      {"refuses-routes", Key::none, {.refuses_routes = true}},
      {"silent", Key::none, {.silent = true}},
      {"lmtp", Key::none, {.lmtp = true}},
      {"forgets", Key::none, {.forgets = true}},
  };
}

/// Only the key that the manner knows is one.
void tune(Section& section, const Manner& manner, Personality& personality) {
  constexpr config::Bounds<base::Duration> bounds{.min = 1s, .max = duration_max};
  switch (manner.key) {
    case Key::none: break;
    case Key::delay: section.duration("delay", bounds, personality.greylists); break;
    case Key::each_octet: section.duration("each_octet", bounds, personality.each_octet); break;
    case Key::until: section.duration("until", bounds, personality.full_until); break;
    case Key::per_mille:
      read_rate(section, "per_mille",
                personality.storm_per_mille > 0 ? personality.storm_per_mille
                                                : personality.drops_per_mille);
      break;
  }
}

void read_personality(Section& section, ForeignPlan& plan) {
  const std::vector<Manner> known = manners();
  plan.manner = "modern";
  if (const auto given = section.filled_text("personality")) {
    plan.manner = given->value;
    if (!contains(known, std::string_view(plan.manner), &Manner::name)) {
      std::string names;
      for (const Manner& manner : known)
        names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", manner.name);
      section.fail(*given, fmt::format("expected one of {}, found \"{}\"", names, plan.manner));
      plan.manner = "modern";
    }
  }
  const Manner& manner = *std::ranges::find(known, std::string_view(plan.manner), &Manner::name);
  plan.personality = manner.personality;
  tune(section, manner, plan.personality);
  for (const Text& text : section.texts("mailboxes"))
    plan.personality.mailboxes.insert(base::lower(text.value));
  for (const Text& text : section.texts("unknown"))
    plan.personality.unknown.insert(base::lower(text.value));
}

void read_foreign(Section& section, Reading& reading) {
  ForeignPlan plan;
  const auto name = take_machine(section, reading);
  const auto address = read_address(section, "address");
  for (const Text& text : section.required_texts("domains", "expected an array of domain names")) {
    if (auto domain = to_name(section, text)) plan.domains.push_back(std::move(*domain));
  }
  read_personality(section, plan);
  section.finish();
  if (!name) return;
  plan.name = *name;
  if (address && reading.take_address(section, *address, *name)) plan.address = *address;
  reading.out.foreign.push_back(std::move(plan));
}

void complete_foreign(Reading& reading) {
  for (ForeignPlan& plan : reading.out.foreign) {
    if (plan.address == base::IpAddress())
      plan.address = reading.free_address(foreign_network, plan.name);
    add_host(plan.name, {plan.address}, reading);
    for (const std::string& domain : plan.domains) add_mx(domain, plan.name, reading);
  }
}

}  // namespace

void read_machines(Section& root, Reading& reading) {
  std::vector<Section> servers = root.tables("server");
  for (Section& section : servers) read_server(section, reading);
  for (Section& section : root.tables("foreign")) read_foreign(section, reading);
  if (servers.empty()) root.fail("missing: expected at least one [[server]]");
  complete_servers(reading);
  complete_foreign(reading);
}

}  // namespace lab
