#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "config/load.h"
#include "grammar/parse.h"

namespace config {
namespace {

constexpr Choice<policy::SourceRoutes> source_routes[] = {
    {"refuse", policy::SourceRoutes::refuse},
    {"strip", policy::SourceRoutes::strip},
    {"honor", {}},
};

/// In octets. A name for people to read in lists.
constexpr std::size_t lane_octets_max = 64;
constexpr std::size_t auth_user_octets_max = 255;

std::string expected_network(std::string_view found) {
  return fmt::format(
      "expected an address or network such as \"10.0.0.0/8\" (all bits behind the prefix 0), found "
      "\"{}\"",
      found);
}

void read_relay_networks(Section& relay, const Loading& loading) {
  for (const Text& text : relay.texts("networks")) {
    const auto network = base::Network::parse(text.value);
    if (!network) {
      relay.fail(text, expected_network(text.value));
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
  relay.boolean("ask", loading.config.relay.ask);
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

/// A pattern that `Pattern::parse` reads, if the text is there.
template <class Pattern>
void read_pattern(Section& section, const std::optional<Text>& text, std::optional<Pattern>& out) {
  if (!text) return;
  auto parsed = Pattern::parse(text->value);
  if (parsed) {
    out = std::move(*parsed);
  } else {
    section.fail(*text, parsed.error());
  }
}

void read_lane(Section& section, route::Rule& rule) {
  const auto text = section.filled_text("lane");
  if (!text) return;
  const auto is_plain = [](char c) {
    return base::is_alnum(c) || c == '-' || c == '_' || c == '.';
  };
  if (text->value.size() > lane_octets_max || !std::ranges::all_of(text->value, is_plain)) {
    section.fail(*text, fmt::format("expected at most {} letters, digits, \"-\", \"_\" and \".\"",
                                    lane_octets_max));
    return;
  }
  rule.lane = text->value;
}

void read_auth(Section& section, const Loading& loading, route::Rule& rule) {
  Section table = section.table("auth");
  const auto user = table.filled_text("user");
  const auto file = table.filled_text("password_file");
  table.finish();
  if (!user && !file) return;
  if (!user) table.fail_at("user", "missing: expected the name to log in with");
  if (!file) table.fail_at("password_file", "missing: expected the file with the password");
  const std::string path = file ? loading.name_file(*file) : std::string();
  if (!user || !file) return;
  if (user->value.size() > auth_user_octets_max) {
    return table.fail(*user, fmt::format("expected at most {} octets", auth_user_octets_max));
  }
  rule.auth = std::make_shared<const route::RouteAuth>(route::RouteAuth{user->value, path});
}

/// What `via` makes of the login.
void check_auth(Section& section, const Loading& loading, const route::Rule& rule) {
  if (!rule.via.is_host()) {
    return section.fail_at("auth", fmt::format("expected smtp://, smtps:// or lmtp:HOST as via: "
                                               "nobody logs in at {}",
                                               rule.via.print()));
  }
  const bool never_in_tls =
      loading.config.delivery.tls == TlsPolicy::off && rule.via.scheme != route::Scheme::smtps;
  if (never_in_tls) {
    loading.warn(
        fmt::format("delivery.tls is \"off\": mail by way of {} waits for ever, for nobody "
                    "logs in without TLS",
                    rule.via.print()));
  }
}

std::optional<route::Rule> read_route(Section& section, const Loading& loading) {
  route::Rule rule;
  std::optional<route::AddressPattern> recipient;
  const auto sender = section.filled_text("sender");
  const auto network = section.filled_text("network");
  const auto user = section.filled_text("user");
  const bool needs_recipient = !section.has_filled("sender") && !section.has_filled("network") &&
                               !section.has_filled("user");
  const auto recipient_text =
      needs_recipient ? section.required_text("recipient",
                                              "expected an address, \"domain\", \"*.domain\" or "
                                              "\"*\"")
                      : section.filled_text("recipient");
  const auto via =
      section.required_text("via", "expected where mail goes, such as \"smtp://HOST\"");
  read_lane(section, rule);
  read_auth(section, loading, rule);
  const auto run_as = section.filled_text("run_as");
  section.finish();

  if (!needs_recipient && !recipient_text) recipient.emplace();
  read_pattern(section, recipient_text, recipient);
  read_pattern(section, sender, rule.sender);
  read_pattern(section, user, rule.user);
  if (network) {
    rule.network = base::Network::parse(network->value);
    if (!rule.network) section.fail(*network, expected_network(network->value));
  }
  if (!via) return std::nullopt;
  auto target = route::parse_via(via->value);
  if (!target) section.fail(*via, target.error().message);
  if (!target || !complete_target(section, *via, loading, *target) || !recipient) {
    return std::nullopt;
  }
  set_run_as(section, run_as, loading, *target);
  rule.recipient = std::move(*recipient);
  rule.via = std::move(*target);
  if (rule.auth) check_auth(section, loading, rule);
  return rule;
}

void read_routes(Section& root, const Loading& loading) {
  std::vector<route::Rule> rules;
  for (Section& section : root.tables("route")) {
    auto rule = read_route(section, loading);
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
