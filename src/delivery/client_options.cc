#include "delivery/client_options.h"

#include <utility>

namespace delivery {

std::optional<HostAddress> unix_address_of(const route::Target& target) {
  if (target.scheme != route::Scheme::lmtp || target.is_host()) return std::nullopt;
  return HostAddress{.name = {}, .endpoint = {}, .unix_path = target.argument};
}

TlsDemand tls_demand(const Settings& settings, const route::Decision& decision,
                     const HostAddress& address) {
  if (!address.unix_path.empty()) return TlsDemand::off;
  const TlsDemand wanted = decision.tls.value_or(settings.tls);
  const bool weak = wanted == TlsDemand::off || wanted == TlsDemand::opportunistic;
  const bool must = decision.auth || decision.target.scheme == route::Scheme::smtps;
  return must && weak ? TlsDemand::require : wanted;
}

SmtpClientOptions client_options(const Settings& settings, const route::Decision& decision,
                                 const HostAddress& address, TlsDemand demand) {
  SmtpClientOptions options;
  options.session.helo = settings.helo;
  if (decision.target.scheme == route::Scheme::lmtp) {
    options.session.protocol = smtp::Protocol::lmtp;
  }
  switch (demand) {
    case TlsDemand::off: options.session.tls = smtp::TlsPolicy::off; break;
    case TlsDemand::opportunistic: options.session.tls = smtp::TlsPolicy::opportunistic; break;
    case TlsDemand::require:
    case TlsDemand::verify: options.session.tls = smtp::TlsPolicy::required; break;
  }
  if (decision.auth) {
    const auto password = settings.passwords.find(decision.auth->password_file);
    // Without its password the login fails, and the mail waits.
    options.session.credentials =
        smtp::Credentials{decision.auth->user,
                          password == settings.passwords.end() ? base::Secret() : password->second};
  }
  options.verify = demand == TlsDemand::verify;
  options.tls = settings.tls_client;
  options.implicit_tls = decision.target.scheme == route::Scheme::smtps;
  options.source = address.endpoint.address.is_v4() ? settings.source_v4 : settings.source_v6;
  return options;
}

base::Task<SmtpClient::Opened> open_client(sys::Net& net, engine::Timers& timers,
                                           std::shared_ptr<const Settings> settings,
                                           route::Decision decision, HostAddress address) {
  const TlsDemand demand = tls_demand(*settings, decision, address);
  auto opened = co_await SmtpClient::open(net, timers, address,
                                          client_options(*settings, decision, address, demand));
  if (opened || !opened.error().tls_failed || demand != TlsDemand::opportunistic) co_return opened;
  co_return co_await SmtpClient::open(net, timers, address,
                                      client_options(*settings, decision, address, TlsDemand::off));
}

}  // namespace delivery
