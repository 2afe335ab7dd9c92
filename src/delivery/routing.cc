#include "delivery/routing.h"

#include <algorithm>

#include "directory/snapshot.h"
#include "route/alias_target.h"

namespace delivery {

namespace {

/// The IP address that a record of the client begins with; made here or through a Unix socket:
/// none.
std::optional<base::IpAddress> client_address(std::string_view client) {
  client = client.substr(0, client.find(' '));
  if (auto address = base::IpAddress::parse(client)) return *address;
  if (auto endpoint = base::Endpoint::parse(client)) return endpoint->address;
  return std::nullopt;
}

}  // namespace

Routing::Routing(const Settings& settings, const spool::Envelope& envelope)
    : settings_(settings), envelope_(envelope) {
  // Without conditions on it nobody asks where the message comes from.
  const auto asks = [](const route::Rule& rule) {
    return rule.sender || rule.network || rule.user;
  };
  if (std::ranges::none_of(settings.routes.rules(), asks)) return;
  if (auto path = grammar::ReversePath::parse(envelope.reverse_path)) {
    origin_.sender = std::move(path->mailbox);
  }
  origin_.client = client_address(envelope.client);
  origin_.user = envelope.auth;
}

std::optional<route::Decision> Routing::decide(std::uint32_t recipient,
                                               const spool::RecipientStatus& status,
                                               route::Steps steps) const {
  const spool::Recipient& to = envelope_.recipients[recipient];
  const auto path = grammar::ForwardPath::parse(to.forward_path);
  if (!path) return std::nullopt;
  if (!to.target.empty() && status.reroute.empty()) {
    return decide_by_alias(*path, to.target, *settings_.directory, steps);
  }
  return decide(*path, to.trusted, status.reroute, steps);
}

route::Decision decide_by_alias(const grammar::ForwardPath& alias, const std::string& text,
                                const directory::Snapshot& directory, route::Steps steps) {
  const route::Context nothing_else{{}, {}};
  const directory::LocalTarget* local = directory.find_local_target(alias.mailbox, text);
  auto target = local != nullptr ? route::parse_alias_target(text)
                                 : std::unexpected("the alias does not lead there any more");
  if (!target) {
    target = route::Target{.scheme = route::Scheme::reject, .argument = target.error()};
  } else {
    target->run_as = local->run_as;
  }
  if (steps != nullptr) {
    steps->push_back({"alias", alias.mailbox.print() + " leads to " + text});
  }
  return route::decide(alias, &*target, nothing_else);
}

route::Decision Routing::decide(const grammar::ForwardPath& path, bool trusted,
                                std::string_view reroute, route::Steps steps) const {
  const route::Context context{.domains = settings_.domains,
                               .routes = settings_.routes,
                               .origin = &origin_,
                               .may_rewrite = trusted};
  if (!reroute.empty()) {
    if (const auto target = route::parse_via(reroute)) {
      return route::decide(path, &*target, context, steps);
    }
  }
  return route::decide(path, nullptr, context, steps);
}

}  // namespace delivery
