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
    {"honor", policy::SourceRoutes::honor},
};

constexpr Choice<route::Rewrite> rewrites[] = {
    {"percent", route::Rewrite::percent},
    {"bang", route::Rewrite::bang},
};

/// In octets. A name for people to read in lists.
constexpr std::size_t lane_octets_max = 64;

constexpr Choice<route::TlsDemand> tls_demands[] = {
    {"off", route::TlsDemand::off},
    {"opportunistic", route::TlsDemand::opportunistic},
    {"require", route::TlsDemand::require},
    {"verify", route::TlsDemand::verify},
};

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
  relay.boolean("reverse_routes", loading.config.relay.reverse_routes);
  if (loading.config.relay.reverse_routes &&
      loading.config.relay.source_routes != policy::SourceRoutes::honor) {
    loading.warn("relay.reverse_routes does nothing unless relay.source_routes is \"honor\"");
  }
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

void read_tls(Section& section, route::Rule& rule) {
  if (!section.has_filled("tls")) {
    (void)section.filled_text("tls");
    return;
  }
  route::TlsDemand tls = route::TlsDemand::opportunistic;
  section.choice("tls", tls_demands, tls);
  rule.tls = tls;
}

/// Where mail for recipients of the rule goes. False: there was a mistake.
bool read_via(Section& section, const Loading& loading, route::Rule& rule) {
  const auto via =
      section.required_text("via", "expected where mail goes, such as \"smtp://HOST\"");
  if (!via) return false;
  auto target = route::parse_via(via->value);
  if (!target) section.fail(*via, target.error().message);
  if (!target || !complete_target(section, *via, loading, *target)) return false;
  rule.via = *std::move(target);
  if (const auto mistake = via_mistake(rule, rule.via)) {
    section.fail_at(mistake->key, mistake->message);
  }
  warn_of_login(rule, rule.via, loading);
  return true;
}

/// `table` in place of `recipient` and `via`.
bool read_rows(Section& section, const Text& table, const Loading& loading, route::Rule& rule) {
  (void)section.filled_text("via");
  for (const std::string_view name : {"recipient", "via"}) {
    if (section.has_filled(name)) {
      section.fail_at(name, "expected no recipient and no via beside table: its rows have them");
    }
  }
  rule.table = read_route_table(section, table, loading, rule);
  return rule.table != nullptr;
}

void read_rewrite(Section& section, route::Rule& rule) {
  if (section.has_filled("rewrite")) {
    section.choice("rewrite", rewrites, rule.rewrite);
  } else {
    (void)section.filled_text("rewrite");
  }
}

/// Only where the operator names the gateway's domains, and where it is named, too: by MX, what a
/// gateway's address stands for would lead anywhere.
void check_rewrite(Section& section, const route::Rule& rule) {
  using Kind = route::AddressPattern::Kind;
  const Kind kind = rule.recipient.kind;
  if (rule.table || (kind != Kind::domain && kind != Kind::below)) {
    return section.fail_at("rewrite",
                           "expected \"domain\" or \"*.domain\" as recipient: what local-parts "
                           "mean is said for named domains alone");
  }
  if (rule.via.is_host() || rule.via.scheme == route::Scheme::pipe ||
      rule.via.scheme == route::Scheme::lmtp) {
    return;
  }
  section.fail_at("rewrite", "expected a gateway as via: smtp://, smtps://, lmtp: or pipe:");
}

std::optional<route::Rule> read_route(Section& section, const Loading& loading) {
  route::Rule rule;
  const auto sender = section.filled_text("sender");
  const auto network = section.filled_text("network");
  const auto user = section.filled_text("user");
  const auto table = section.filled_text("table");
  const bool needs_recipient = !table && !section.has_filled("sender") &&
                               !section.has_filled("network") && !section.has_filled("user");
  const auto recipient_text =
      needs_recipient ? section.required_text("recipient",
                                              "expected an address, \"domain\", \"*.domain\" or "
                                              "\"*\"")
                      : section.filled_text("recipient");
  read_lane(section, rule);
  read_tls(section, rule);
  rule.auth = read_auth(section, loading);
  const bool leads_somewhere =
      table ? read_rows(section, *table, loading, rule) : read_via(section, loading, rule);
  const auto run_as = section.filled_text("run_as");
  read_rewrite(section, rule);
  section.finish();

  std::optional<route::AddressPattern> recipient;
  if (!needs_recipient && (table || !recipient_text)) recipient.emplace();
  if (!table) read_pattern(section, recipient_text, recipient);
  read_pattern(section, sender, rule.sender);
  read_pattern(section, user, rule.user);
  if (network) {
    rule.network = base::Network::parse(network->value);
    if (!rule.network) section.fail(*network, expected_network(network->value));
  }
  if (!leads_somewhere || !recipient) return std::nullopt;
  set_run_as(section, run_as, loading, rule.via);
  rule.recipient = std::move(*recipient);
  if (rule.rewrite != route::Rewrite::none) check_rewrite(section, rule);
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
