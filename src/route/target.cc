#include "route/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/address.h"
#include "base/ascii.h"

namespace route {
namespace {

struct SchemeName {
  Scheme scheme;
  std::string_view prefix;
};
constexpr std::array<SchemeName, 9> schemes = {{
    {Scheme::smtp, "smtp://"},
    {Scheme::smtps, "smtps://"},
    {Scheme::lmtp, "lmtp:"},
    {Scheme::pipe, "pipe:"},
    {Scheme::maildir, "maildir:"},
    {Scheme::mbox, "mbox:"},
    {Scheme::discard, "discard:"},
    {Scheme::mx, "mx:"},
    {Scheme::reject, "reject:"},
}};

constexpr std::string_view unix_prefix = "unix:";

std::string_view prefix_of(Scheme scheme) {
  for (const SchemeName& known : schemes) {
    if (known.scheme == scheme) return known.prefix;
  }
  return {};
}

std::unexpected<TargetError> malformed(std::string message) {
  return std::unexpected(TargetError{TargetError::Code::malformed, std::move(message)});
}

std::optional<grammar::Domain> parse_host(std::string_view text) {
  const bool bracketed = text.size() >= 2 && text.starts_with('[') && text.ends_with(']');
  const auto address = base::IpAddress::parse(bracketed ? text.substr(1, text.size() - 2) : text);
  if (address) {
    // An IPv6 address without brackets would run into its port.
    if (bracketed != (text.find(':') != std::string_view::npos)) return std::nullopt;
    return grammar::Domain::literal(*address);
  }
  grammar::ParseResult<grammar::Domain> name = grammar::Domain::parse(text);
  if (!name || name->is_literal()) return std::nullopt;
  return *std::move(name);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::expected<HostPort, TargetError> parse_host_port(Scheme scheme, std::string_view text,
                                                     std::uint16_t port_default) {
  // Behind the bracket of an IPv6 address, if there is one.
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  HostPort out{.host = {}, .port = port_default};
  if (colon != std::string_view::npos) {
    const auto port = parse_port(text.substr(colon + 1));
    if (!port)
      return malformed(
          fmt::format("expected a port from 1 to 65535 after \"{}:\"", text.substr(0, colon)));
    out.port = *port;
  }
  std::optional<grammar::Domain> host = parse_host(text.substr(0, colon));
  if (!host) {
    return malformed(
        fmt::format("expected HOST or HOST:PORT (an IPv6 address in brackets) after {}, not \"{}\"",
                    prefix_of(scheme), text));
  }
  out.host = *std::move(host);
  return out;
}

/// One of several hosts may begin with the scheme, but not with another.
std::expected<std::string_view, TargetError> without_scheme(Scheme scheme, std::string_view text) {
  for (const SchemeName& known : schemes) {
    if (!text.starts_with(known.prefix)) continue;
    if (known.scheme == scheme) return text.substr(known.prefix.size());
    return malformed(fmt::format("expected {} for all hosts, not \"{}\"", prefix_of(scheme), text));
  }
  return text;
}

TargetResult parse_hosts(Scheme scheme, std::string_view text, std::uint16_t port_default) {
  Target target{.scheme = scheme};
  for (bool first = true, more = true; more; first = false) {
    const std::size_t comma = text.find(',');
    std::string_view item = base::trimmed(text.substr(0, comma));
    more = comma != text.npos;
    text.remove_prefix(more ? comma + 1 : text.size());
    if (!first) {
      const auto rest = without_scheme(scheme, item);
      if (!rest) return std::unexpected(rest.error());
      item = *rest;
    }
    auto host = parse_host_port(scheme, item, port_default);
    if (!host) return std::unexpected(std::move(host.error()));
    if (std::ranges::find(target.hosts, *host) != target.hosts.end()) {
      return malformed(fmt::format("{} is named twice", host->print()));
    }
    if (target.hosts.size() == via_hosts_max) {
      return malformed(fmt::format("expected at most {} hosts", via_hosts_max));
    }
    target.hosts.push_back(*std::move(host));
  }
  return target;
}

TargetResult parse_argument(Scheme scheme, std::string_view text) {
  if (text.find_first_not_of(' ') == std::string_view::npos) {
    return malformed(fmt::format("expected something after {}", prefix_of(scheme)));
  }
  return Target{.scheme = scheme, .argument = std::string(text)};
}

TargetResult parse_rest(Scheme scheme, std::string_view text) {
  switch (scheme) {
    case Scheme::smtp: return parse_hosts(scheme, text, smtp_port);
    case Scheme::smtps: return parse_hosts(scheme, text, smtps_port);
    case Scheme::lmtp:
      if (!text.starts_with(unix_prefix)) return parse_hosts(scheme, text, lmtp_port);
      text.remove_prefix(unix_prefix.size());
      if (!text.starts_with('/')) return malformed("expected a path from / on after lmtp:unix:");
      return parse_argument(scheme, text);
    case Scheme::pipe:
    case Scheme::maildir:
    case Scheme::mbox:
    case Scheme::reject: return parse_argument(scheme, text);
    case Scheme::discard:
    case Scheme::mx: break;
  }
  if (!text.empty()) return malformed(fmt::format("nothing may follow {}", prefix_of(scheme)));
  return Target{.scheme = scheme};
}

}  // namespace

std::string HostPort::print() const {
  if (const auto address = host.address()) return base::Endpoint{*address, port}.to_string();
  return fmt::format("{}:{}", host.canonical(), port);
}

bool Target::is_in_home() const {
  return (scheme == Scheme::maildir || scheme == Scheme::mbox) && argument.starts_with("~/");
}

std::string Target::print() const {
  std::string text(prefix_of(scheme));
  if (!is_host()) {
    if (scheme == Scheme::lmtp) text += unix_prefix;
    return text + argument;
  }
  for (const HostPort& host : hosts) {
    if (&host != &hosts.front()) text += ',';
    text += host.print();
  }
  return text;
}

TargetResult parse_target(std::string_view text) {
  for (const SchemeName& known : schemes) {
    if (text.starts_with(known.prefix)) {
      return parse_rest(known.scheme, text.substr(known.prefix.size()));
    }
  }
  return malformed(
      fmt::format("expected smtp://, smtps://, lmtp:, pipe:, maildir:, mbox:, discard:, mx: or "
                  "reject:, not \"{}\"",
                  text));
}

TargetResult parse_via(std::string_view text) {
  TargetResult target = parse_target(text);
  if (!target || !target->is_in_home()) return target;
  return std::unexpected(TargetError{
      TargetError::Code::misplaced,
      "expected a path from / on: only a [[domain]] with users = \"system\" knows homes"});
}

TargetResult parse_deliver(std::string_view text) {
  TargetResult target = parse_target(text);
  if (!target) return target;
  switch (target->scheme) {
    case Scheme::maildir:
    case Scheme::mbox:
    case Scheme::lmtp:
    case Scheme::pipe:
    case Scheme::discard: return target;
    case Scheme::smtp:
    case Scheme::smtps:
    case Scheme::mx:
    case Scheme::reject: break;
  }
  return std::unexpected(
      TargetError{TargetError::Code::misplaced,
                  fmt::format("expected maildir:, mbox:, lmtp:, pipe: or discard:, not {}",
                              prefix_of(target->scheme))});
}

}  // namespace route
