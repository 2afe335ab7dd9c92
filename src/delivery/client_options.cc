#include "delivery/client_options.h"

#include <expected>
#include <utility>

#include "delivery/tokens.h"
#include "engine/timers.h"

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
  options.verify = demand == TlsDemand::verify;
  options.tls = settings.tls_client;
  options.implicit_tls = decision.target.scheme == route::Scheme::smtps;
  options.source = address.endpoint.address.is_v4() ? settings.source_v4 : settings.source_v6;
  return options;
}

namespace {

struct Login {
  LoginOptions options;
  std::optional<Token> token;  ///< That it is done with.
};

[[nodiscard]] OpenFailure no_login(std::string why) {
  return {.reason = smtp::CloseReason::auth_failed, .reply = nullptr, .text = std::move(why)};
}

/// As whom the decision wants us to log in.
[[nodiscard]] base::Task<std::expected<Login, std::string>> login_for(
    ClientWorld world, std::shared_ptr<const Settings> settings,
    std::shared_ptr<const route::RouteAuth> auth) {
  Login out;
  sasl::ClientCredentials credentials{.user = auth->user,
                                      .secret = {},
                                      .is_token = auth->has_token(),
                                      .mechanism = auth->mechanism};
  if (credentials.is_token) {
    if (world.tokens == nullptr) co_return std::unexpected("no tokens are to be had here");
    auto token = co_await world.tokens->get(auth);
    if (!token) co_return std::unexpected(std::move(token.error()));
    credentials.secret = token->octets.clone();
    out.token = *std::move(token);
  } else {
    const auto password = settings->passwords.find(auth->password_file);
    if (password == settings->passwords.end()) {
      co_return std::unexpected(auth->password_file + ": the password is not known");
    }
    credentials.secret = crypto::Secret(password->second.reveal());
  }
  out.options = {
      .credentials = std::make_shared<const sasl::ClientCredentials>(std::move(credentials)),
      .nonce = make_nonce(world.random),
      .workers = world.workers,
      .loop = &world.timers.loop()};
  co_return out;
}

/// The host's own word that it does not want this token.
[[nodiscard]] bool refuses_login(const OpenFailure& failure) {
  return failure.reason == smtp::CloseReason::auth_failed && failure.reply &&
         failure.reply->is_permanent();
}

[[nodiscard]] base::Task<SmtpClient::Opened> open_and_log_in(
    ClientWorld world, std::shared_ptr<const Settings> settings, route::Decision decision,
    HostAddress address, SmtpClientOptions options) {
  for (bool again = false;; again = true) {
    auto login = co_await login_for(world, settings, decision.auth);
    if (!login) co_return std::unexpected(no_login(std::move(login.error())));
    options.login = login->options;
    auto opened = co_await SmtpClient::open(world.net, world.timers, address, options);
    if (opened || !login->token || !refuses_login(opened.error())) co_return opened;
    world.tokens->refused(*decision.auth, login->token->octets);
    if (again || !login->token->kept) co_return opened;
  }
}

}  // namespace

base::Task<SmtpClient::Opened> open_client(ClientWorld world,
                                           std::shared_ptr<const Settings> settings,
                                           route::Decision decision, HostAddress address) {
  const TlsDemand demand = tls_demand(*settings, decision, address);
  SmtpClientOptions options = client_options(*settings, decision, address, demand);
  if (decision.auth) {
    co_return co_await open_and_log_in(world, std::move(settings), std::move(decision),
                                       std::move(address), std::move(options));
  }
  auto opened = co_await SmtpClient::open(world.net, world.timers, address, std::move(options));
  if (opened || !opened.error().tls_failed || demand != TlsDemand::opportunistic) co_return opened;
  co_return co_await SmtpClient::open(world.net, world.timers, address,
                                      client_options(*settings, decision, address, TlsDemand::off));
}

}  // namespace delivery
