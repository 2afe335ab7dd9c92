#include "cli/route_text.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/escape.h"

namespace cli {
namespace {

namespace json = boost::json;

std::string_view name_of(RouteOutcome outcome) {
  switch (outcome) {
    case RouteOutcome::relay: return "relay";
    case RouteOutcome::local: return "local";
    case RouteOutcome::alias: return "alias";
    case RouteOutcome::refused: return "refused";
    case RouteOutcome::deferred: return "deferred";
  }
  return {};
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::array hosts_of(const RouteAnswer& answer) {
  json::array out;
  for (const route::Host& host : answer.hosts) {
    json::array addresses;
    for (const base::IpAddress& address : host.addresses)
      addresses.push_back(json::value(address.to_string()));
    out.push_back(json::object{{"preference", host.preference},
                               {"name", host.name},
                               {"addresses", std::move(addresses)},
                               {"port", host.port}});
  }
  return out;
}

json::object object_of(const RouteAnswer& answer) {
  json::object out;
  out["recipient"] = answer.recipient;
  out["outcome"] = name_of(answer.outcome);
  json::array targets;
  for (const RouteAnswer& target : answer.targets) targets.push_back(object_of(target));
  out["targets"] = std::move(targets);
  out["reply"] = text_or_null(answer.reply);
  json::array steps;
  for (const route::Step& step : answer.steps) {
    steps.push_back(json::object{{"what", step.what}, {"why", step.why}});
  }
  out["steps"] = std::move(steps);
  out["via"] = text_or_null(answer.via);
  out["hosts"] = hosts_of(answer);
  out["tls"] = text_or_null(answer.tls);
  return out;
}

/// "Mail to X …", the first line of an answer.
std::string headline(const RouteAnswer& answer) {
  const std::string name = "Mail to " + base::escaped(answer.recipient);
  const std::string via = base::escaped(answer.via);
  switch (answer.outcome) {
    case RouteOutcome::alias:
      return fmt::format("{} goes to {} {}:", name, answer.targets.size(),
                         answer.targets.size() == 1 ? "address" : "addresses");
    case RouteOutcome::refused:
      return fmt::format("{} is refused: {}", name, base::escaped(answer.reply));
    case RouteOutcome::deferred:
      return fmt::format("{} waits: {}", name, base::escaped(answer.reply));
    case RouteOutcome::local:
      return fmt::format("{} ends here: {}{}", name, via, answer.hosts.empty() ? "" : ", by");
    case RouteOutcome::relay: break;
  }
  return answer.via == "mx:" ? name + " goes on to the hosts of its MX records, in this order:"
                             : fmt::format("{} goes on by way of {}, to", name, via);
}

void append(const RouteAnswer& answer, const std::string& indent, std::string& out) {
  out += indent + headline(answer) + '\n';
  for (const route::Host& host : answer.hosts) {
    out += fmt::format("{}  {:>5}  {}", indent, host.preference, base::escaped(host.name));
    for (const base::IpAddress& address : host.addresses) out += "  " + address.to_string();
    if (host.port != 0) out += fmt::format("  port {}", host.port);
    out += '\n';
  }
  if (!answer.tls.empty()) out += fmt::format("{}  TLS {}\n", indent, base::escaped(answer.tls));
  if (!answer.steps.empty()) out += indent + "Why:\n";
  for (const route::Step& step : answer.steps) {
    if (step.what == "TLS") continue;
    out += fmt::format("{}  - {}: {}\n", indent, base::escaped(step.what), base::escaped(step.why));
  }
  for (const RouteAnswer& target : answer.targets) {
    out += '\n';
    append(target, indent + "  ", out);
  }
}

}  // namespace

std::string route_as_text(const RouteAnswer& answer) {
  std::string out;
  append(answer, "", out);
  return out;
}

std::string route_as_json(const RouteAnswer& answer) {
  return json::serialize(object_of(answer)) + '\n';
}

}  // namespace cli
