#include "base/escape.h"
#include "cli/account_options.h"
#include "cli/configuration.h"
#include "cli/files.h"
#include "cli/one_shot.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/route_explain.h"
#include "cli/route_text.h"
#include "delivery/recipient_probe.h"
#include "directory/srs.h"
#include "engine/resolver.h"
#include "server/settings.h"
#include "sys/linux/world.h"

namespace cli {
namespace {

int wrong_usage(std::string_view what) {
  complain("posthaste: route: " + base::escaped(what));
  return exit_usage;
}

/// Without brackets, too; "" and <> are the null reverse-path.
std::optional<grammar::ReversePath> parse_sender(const std::string& text) {
  auto path = grammar::ReversePath::parse(text.starts_with('<') ? text : '<' + text + '>');
  return path ? std::optional(std::move(*path)) : std::nullopt;
}

reception::AskedRecipient as_reception(delivery::Probed probed) {
  switch (probed) {
    case delivery::Probed::known: return reception::AskedRecipient::known;
    case delivery::Probed::unknown: return reception::AskedRecipient::unknown;
    case delivery::Probed::unavailable: break;
  }
  return reception::AskedRecipient::unavailable;
}

base::Task<reception::AskedRecipient> ask(delivery::RecipientProbe& probe, std::string target,
                                          std::string path) {
  co_return as_reception(co_await probe.ask(std::move(target), std::move(path)));
}

/// With a secret that nobody knows where the true one may not be read: the form is the same.
std::shared_ptr<const directory::Srs> srs_of(const config::Srs& srs) {
  constexpr std::size_t octets_max = 64 * 1024;
  if (srs.domain.empty()) return nullptr;
  const auto text = read_file(srs.secret_file, octets_max);
  auto secrets = text ? directory::parse_srs_secrets(*text) : std::nullopt;
  if (!secrets) {
    complain(
        "posthaste: route: the secret of [srs] cannot be read: rewritten senders are not known");
    secrets.emplace();
    secrets->emplace_back("nobody knows this one");
  }
  return std::make_shared<const directory::Srs>(
      directory::Srs::Options{srs.domain, std::move(*secrets), srs.expire});
}

base::Task<> explain(RouteWorld& world, RouteRequest request, RouteAnswer& answer) {
  answer = co_await explain_route(world, std::move(request));
}

RouteAnswer answer_to(const config::Config& config, RouteRequest request) {
  sys::real::RealWorld real(
      {.servers = config.dns.servers,
       .timeout = std::chrono::duration_cast<std::chrono::milliseconds>(config.dns.timeout)});
  auto settings = server::delivery_settings(config);
  if (auto tls = real.tls->client_context("")) settings->tls_client = std::move(*tls);
  engine::Timers timers(real.loop);
  engine::Resolver resolver(*real.resolver, real.loop);
  delivery::RecipientProbe probe(*real.net, timers, resolver, *real.random,
                                 [settings] { return settings; });
  RouteWorld world{
      .config = config,
      .settings = settings,
      .resolver = resolver,
      .ask = [&probe](std::string target,
                      std::string path) { return ask(probe, std::move(target), std::move(path)); },
      .random = real.random->next(),
      .srs = srs_of(config.srs),
      .now = real.clock->wall()};
  RouteAnswer answer;
  run_once(real.loop, timers, explain(world, std::move(request), answer));
  return answer;
}

}  // namespace

int run(const RouteOptions& options) {
  if (!options.client.empty() && !options.user.empty()) {
    return wrong_usage("--client or --user, not both: clients of mx listeners do not log in");
  }
  RouteRequest request{
      .address = options.address, .client = {}, .user = options.user, .sender = {}};
  if (!options.client.empty()) {
    request.client = base::IpAddress::parse(options.client);
    if (!request.client) return wrong_usage("--client: expected an IP address");
  }
  if (options.sender) {
    request.sender = parse_sender(*options.sender);
    if (!request.sender) return wrong_usage("--sender: expected an address, or \"\" for none");
  }
  const auto configuration = read_with_accounts(options.config);
  if (!configuration) {
    print_mistakes(configuration.error());
    return exit_usage;
  }
  const RouteAnswer answer = answer_to(*configuration->config, std::move(request));
  if (!print(options.json ? route_as_json(answer) : route_as_text(answer))) return exit_failed;
  return answer.is_good() ? exit_done : exit_failed;
}

}  // namespace cli
