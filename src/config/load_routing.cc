#include <fmt/format.h>

#include "config/load.h"
#include "grammar/parse.h"

namespace config {
namespace {

constexpr Choice<policy::SourceRoutes> source_routes[] = {
    {"refuse", policy::SourceRoutes::refuse},
    {"strip", policy::SourceRoutes::strip},
    {"honor", {}},
};

void read_relay_networks(Section& relay, const Loading& loading) {
  for (const Text& text : relay.texts("networks")) {
    const auto network = base::Network::parse(text.value);
    if (!network) {
      relay.fail(text,
                 fmt::format("expected an address or network such as \"10.0.0.0/8\" (all bits "
                             "behind the prefix 0), found \"{}\"",
                             text.value));
      continue;
    }
    loading.config.relay.networks.push_back(*network);
    loading.warn(fmt::format("clients in {} may send anywhere without authentication",
                             network->to_string()));
  }
}

void read_relay_domains(Section& relay, const Loading& loading) {
  for (const Text& text : relay.texts("domains")) {
    auto domain = grammar::Domain::parse(text.value);
    if (!domain) {
      relay.fail(text, fmt::format("expected a domain such as \"example.net\": {}",
                                   grammar::describe(domain.error().code)));
      continue;
    }
    if (loading.config.local_domains.contains(*domain)) {
      loading.warn(fmt::format("relay.domains: {} is a [[domain]]; its mail is delivered here",
                               domain->text()));
    } else {
      loading.warn(
          fmt::format("anyone may send to {} through us without authentication", domain->text()));
    }
    loading.config.relay.domains.insert(std::move(*domain));
  }
}

void read_relay(Section& root, const Loading& loading) {
  Section relay = root.table("relay");
  read_relay_networks(relay, loading);
  read_relay_domains(relay, loading);
  relay.choice("source_routes", source_routes, loading.config.relay.source_routes);
  relay.not_supported_yet("reverse_routes");
  relay.finish();
}

/// Mail to a domain of ours needs no permission, wherever a route takes it.
void warn_of_local_mail_that_leaves(const route::Rule& rule, const Loading& loading) {
  const bool names_a_domain = rule.recipient.kind == route::AddressPattern::Kind::address ||
                              rule.recipient.kind == route::AddressPattern::Kind::domain;
  if (!names_a_domain || !rule.via.is_host()) return;
  if (!loading.config.local_domains.contains(rule.recipient.domain)) return;
  loading.warn(fmt::format("anyone may send to {}, which goes on to {}, without authentication",
                           rule.recipient.print(), rule.via.print()));
}

std::optional<route::Rule> read_route(Section& section) {
  const auto recipient =
      section.required_text("recipient", "expected an address, \"domain\", \"*.domain\" or \"*\"");
  const auto via = section.required_text("via", "expected \"smtp://HOST:PORT\" or \"discard:\"");
  for (const std::string_view name : {"sender", "network", "user", "auth", "lane"}) {
    section.not_supported_yet(name);
  }
  section.finish();

  std::optional<route::AddressPattern> pattern;
  std::optional<route::Target> target;
  if (recipient) {
    auto parsed = route::AddressPattern::parse(recipient->value);
    if (!parsed) section.fail(*recipient, parsed.error());
    if (parsed) pattern = std::move(*parsed);
  }
  if (via) {
    auto parsed = route::parse_via(via->value);
    if (!parsed) section.fail(*via, parsed.error().message);
    if (parsed) target = std::move(*parsed);
  }
  if (!pattern || !target) return std::nullopt;
  return route::Rule{.recipient = std::move(*pattern), .via = std::move(*target), .lane = {}};
}

void read_routes(Section& root, const Loading& loading) {
  std::vector<route::Rule> rules;
  for (Section& section : root.tables("route")) {
    auto rule = read_route(section);
    if (!rule) continue;
    warn_of_local_mail_that_leaves(*rule, loading);
    rules.push_back(std::move(*rule));
  }
  loading.config.routes = route::RouteTable(std::move(rules));
}

}  // namespace

void read_routing(Section& root, const Loading& loading) {
  read_relay(root, loading);
  read_routes(root, loading);
}

}  // namespace config
