#include "cli/route_explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "delivery/hosts.h"
#include "delivery/maildir.h"
#include "delivery/routing.h"
#include "directory/snapshot.h"
#include "directory/srs.h"
#include "reception/forwarding.h"
#include "reception/source_route.h"
#include "route/decide.h"
#include "smtp/command.h"
#include "smtp/server_replies.h"

namespace cli {
namespace {

using directory::Expansion;

RouteAnswer& end(RouteAnswer& answer, std::string reply) {
  answer.outcome = reply.starts_with('4') ? RouteOutcome::deferred : RouteOutcome::refused;
  answer.reply = std::move(reply);
  return answer;
}

void note(RouteAnswer& answer, std::string what, std::string why) {
  answer.steps.push_back({std::move(what), std::move(why)});
}

std::string name_of(const directory::ExpandedTarget& target) {
  return target.local != nullptr ? target.local->text : target.mailbox.print();
}

std::string addresses(const std::vector<directory::ExpandedTarget>& targets) {
  constexpr std::size_t shown_max = 10;
  std::string out;
  for (std::size_t i = 0; i < std::min(targets.size(), shown_max); ++i) {
    if (i > 0) out += ", ";
    out += name_of(targets[i]);
  }
  if (targets.size() > shown_max) {
    out += fmt::format(" and {} more", targets.size() - shown_max);
  }
  return out;
}

class Explainer {
 public:
  Explainer(RouteWorld& world, RouteRequest request)
      : world_(world), request_(std::move(request)) {}

  base::Task<RouteAnswer> run();

 private:
  /// False: the answer is complete.
  [[nodiscard]] bool judge_client(RouteAnswer& answer);
  /// `path`: what goes on from here of the command's.
  [[nodiscard]] base::Task<bool> judge_recipient(RouteAnswer& answer, smtp::RcptCommand command,
                                                 const grammar::ForwardPath& path);
  void note_permission(RouteAnswer& answer, const grammar::ForwardPath& path,
                       const Expansion& expansion) const;
  /// Leaves in `path` what goes on from here.
  void take_source_route(RouteAnswer& answer, grammar::ForwardPath& path);
  void turn_round(RouteAnswer& answer, grammar::Mailbox& mailbox) const;
  void note_alias(RouteAnswer& answer, const grammar::Mailbox& mailbox) const;
  void note_target(RouteAnswer& answer, const directory::ExpandedTarget& target) const;
  [[nodiscard]] reception::Settings reception_settings() const;
  /// `local`: the program or file that the alias `path` leads to, or nullptr.
  [[nodiscard]] base::Task<> follow(RouteAnswer& answer, grammar::ForwardPath path,
                                    const directory::LocalTarget* local = nullptr);
  [[nodiscard]] base::Task<> find_hosts(RouteAnswer& answer, route::Decision decision);
  void deliver_here(RouteAnswer& answer, const grammar::Mailbox& mailbox,
                    const route::Decision& decision) const;
  void note_tls(RouteAnswer& answer, const route::Decision& decision) const;
  [[nodiscard]] policy::Client client() const;

  RouteWorld& world_;
  RouteRequest request_;
  route::Origin origin_;
};

base::Task<RouteAnswer> Explainer::run() {
  RouteAnswer answer{
      .recipient = request_.address, .steps = {}, .via = {}, .hosts = {}, .targets = {}};
  if (!judge_client(answer)) co_return answer;
  std::string text = request_.address;
  if (!text.starts_with('<')) text = '<' + text + '>';
  auto command = smtp::parse_rcpt("TO:" + text, true);
  if (!command) {
    const bool is_path = command.error().code == smtp::CommandErrorCode::bad_path;
    note(answer, "address",
         is_path ? std::string(grammar::describe(command.error().path)) : "is followed by more");
    end(answer, smtp::one_line(smtp::reply_to(command.error(), smtp::Verb::rcpt)));
    co_return answer;
  }
  grammar::ForwardPath path = command->forward_path;
  take_source_route(answer, path);
  if (!co_await judge_recipient(answer, std::move(*command), path)) co_return answer;
  if (!path.route.empty()) {
    co_await follow(answer, std::move(path));
    co_return answer;
  }
  grammar::Mailbox mailbox = std::move(path.mailbox);
  turn_round(answer, mailbox);

  Expansion expansion = world_.config.directory->expand(mailbox);
  if (expansion.kind == Expansion::Kind::not_local) {
    co_await follow(answer, {{}, mailbox});
    co_return answer;
  }
  if (!expansion.aliased) {
    co_await follow(answer, {{}, expansion.targets.front().mailbox});
    co_return answer;
  }
  note(answer, "[[alias]]", "stands for " + addresses(expansion.targets));
  answer.outcome = RouteOutcome::alias;
  note_alias(answer, mailbox);
  for (const directory::ExpandedTarget& target : expansion.targets) {
    RouteAnswer one{
        .recipient = name_of(target), .steps = {}, .via = {}, .hosts = {}, .targets = {}};
    note_target(one, target);
    co_await follow(one, {{}, target.mailbox}, target.local);
    answer.targets.push_back(std::move(one));
  }
  co_return answer;
}

/// A rewritten sender of ours becomes the address that it stands for.
void Explainer::turn_round(RouteAnswer& answer, grammar::Mailbox& mailbox) const {
  if (world_.srs == nullptr) return;
  auto found = world_.srs->reverse(mailbox, world_.now);
  if (found.kind != directory::Srs::Reversed::Kind::good) return;
  note(answer, "SRS",
       mailbox.print() + " is a rewritten sender of ours: stands for " + found.mailbox.print());
  mailbox = std::move(found.mailbox);
}

/// Where the alias of a recipient stands, if it is in a file.
void Explainer::note_alias(RouteAnswer& answer, const grammar::Mailbox& mailbox) const {
  const directory::Alias* alias = world_.config.directory->find_alias(mailbox);
  if (alias == nullptr || alias->source.empty()) return;
  note(answer, "alias file", alias->address.print() + " is at " + alias->source);
}

/// By which alias it is reached, and what is said in place of the sender.
void Explainer::note_target(RouteAnswer& answer, const directory::ExpandedTarget& target) const {
  if (target.alias != nullptr && !target.alias->source.empty()) {
    note(answer, "alias file",
         target.alias->address.print() + " at " + target.alias->source + " names it");
  }
  const bool ours = world_.config.directory->find_domain(target.mailbox.domain) != nullptr;
  const reception::Settings settings = reception_settings();
  const policy::Client from = client();
  const std::string said = reception::reverse_path_for(
      target, ours,
      {.settings = settings, .client = from, .origin = origin_, .ask = {}, .now = world_.now});
  const bool unknown = origin_.sender && origin_.sender->domain.empty();
  if (target.owner != nullptr && (unknown || !said.empty())) {
    note(answer, "reverse-path",
         "the owner of the list: <" + target.owner->print() + "> hears what becomes of it");
  } else if (!said.empty()) {
    note(answer, "reverse-path", said + " is said in place of the sender (SRS)");
  }
}

reception::Settings Explainer::reception_settings() const {
  reception::Settings settings;
  settings.hostname = world_.config.hostname;
  settings.relay = world_.config.relay;
  settings.directory = world_.config.directory;
  settings.routes = world_.config.routes;
  settings.srs = world_.srs;
  return settings;
}

policy::Client Explainer::client() const {
  if (request_.client) {
    return {.role = policy::ListenerRole::mx, .address = *request_.client, .authenticated = false};
  }
  return {.role = policy::ListenerRole::submission, .address = {}, .authenticated = true};
}

bool Explainer::judge_client(RouteAnswer& answer) {
  const directory::Snapshot& directory = *world_.config.directory;
  origin_.client = request_.client;
  if (request_.sender) origin_.sender = request_.sender->mailbox;
  // Not known: no rule that names a sender matches.
  if (!request_.sender) origin_.sender = grammar::Mailbox{};
  if (request_.user.empty()) {
    if (!request_.client) note(answer, "client", "assumed to be one that may relay");
    return true;
  }
  const directory::User* user = directory.find_user(request_.user);
  if (user == nullptr) {
    note(answer, "user", "there is no user " + request_.user);
    end(answer, smtp::one_line(smtp::replies::wrong_credentials()));
    return false;
  }
  origin_.user = request_.user;
  if (!request_.sender) origin_.sender = user->mailbox;
  note(answer, "user", user->mailbox.print() + " has logged in");
  const bool own = !origin_.sender || directory.may_send_as(*user, *origin_.sender);
  if (own) return true;
  note(answer, "sender", origin_.sender->print() + " is none of the user's own addresses");
  end(answer, smtp::one_line(smtp::replies::not_your_address()));
  return false;
}

base::Task<bool> Explainer::judge_recipient(RouteAnswer& answer, smtp::RcptCommand command,
                                            const grammar::ForwardPath& path) {
  const reception::Settings settings = reception_settings();
  const policy::Client from = client();
  const Expansion expansion = settings.directory->expand(path.mailbox);
  reception::Recipients recipients;
  const reception::RecipientAnswer judged =
      co_await recipients.propose(std::move(command), {.settings = settings,
                                                       .client = from,
                                                       .origin = origin_,
                                                       .ask = world_.ask,
                                                       .now = world_.now});
  if (expansion.kind == Expansion::Kind::ask && path.route.empty()) {
    note(answer, "[[domain]]",
         judged.reply.is_positive() ? "the server behind the domain knows the recipient"
                                    : judged.why);
  }
  if (judged.reply.is_positive()) {
    note_permission(answer, path, expansion);
    co_return true;
  }
  note(answer, "RCPT", judged.why);
  end(answer, smtp::one_line(judged.reply));
  co_return false;
}

void Explainer::note_permission(RouteAnswer& answer, const grammar::ForwardPath& path,
                                const Expansion& expansion) const {
  const policy::RelayRules& rules = world_.config.relay;
  const bool by_others = !path.route.empty();
  if (expansion.domain != nullptr && !by_others) {
    note(answer, "permission", "anybody may send to our domains");
  } else if (rules.domains.contains(path.mailbox.domain) && !by_others) {
    note(answer, "permission", "anybody may send to relay.domains");
  } else if (request_.client) {
    note(answer, "permission", request_.client->to_string() + " is in relay.networks");
  }
}

void Explainer::take_source_route(RouteAnswer& answer, grammar::ForwardPath& path) {
  if (path.route.empty()) return;
  const policy::RelayRules& rules = world_.config.relay;
  const std::size_t names = path.route.size();
  const std::string given = path.route.front().text();
  const reception::SourceRoute way = reception::take_source_route(path, reception_settings());
  if (!way.honored) {
    const bool refused = rules.source_routes == policy::SourceRoutes::refuse;
    note(answer, "source route",
         refused ? "source routes are refused" : "source routes are dropped");
    return;
  }
  const std::string printed = path.print();
  const std::string rest = printed.substr(1, printed.size() - 2);
  const bool names_us = path.route.size() < names;
  note(answer, "source route",
       names_us ? fmt::format("@{}: is this host, and taken off: {} is left", given, rest)
                : fmt::format("goes on as it is: {}", rest));
  if (rules.reverse_routes) {
    note(answer, "reverse-path",
         fmt::format("where it goes on, @{} is put in front of it, so that "
                     "reports come back this way",
                     world_.config.hostname));
  }
}

base::Task<> Explainer::follow(RouteAnswer& answer, grammar::ForwardPath path,
                               const directory::LocalTarget* local) {
  const route::Context context{.domains = world_.config.local_domains,
                               .routes = world_.config.routes,
                               .origin = &origin_,
                               .may_rewrite = policy::may_relay(world_.config.relay, client())};
  route::Decision decision =
      local != nullptr
          ? delivery::decide_by_alias(path, local->text, *world_.config.directory, &answer.steps)
          : route::decide(path, nullptr, context, &answer.steps);
  answer.via = decision.target.print();
  switch (decision.kind) {
    case route::NextHopKind::discard:
      note(answer, "discard:", "is thrown away");
      answer.outcome = RouteOutcome::local;
      break;
    case route::NextHopKind::reject: {
      const std::string& text = decision.target.argument;
      end(answer, smtp::one_line(smtp::replies::policy_refused(text)));
      break;
    }
    case route::NextHopKind::local:
      if (local == nullptr) {
        deliver_here(answer, decision.rewritten.value_or(path.mailbox), decision);
      }
      if (local != nullptr) answer.outcome = RouteOutcome::local;
      break;
    case route::NextHopKind::host:
    case route::NextHopKind::mx: co_await find_hosts(answer, std::move(decision)); break;
  }
}

void Explainer::deliver_here(RouteAnswer& answer, const grammar::Mailbox& mailbox,
                             const route::Decision& decision) const {
  const directory::Resolution found = world_.config.directory->resolve(mailbox);
  const bool ours = found.kind != directory::Resolution::Kind::not_local;
  const grammar::Mailbox& box =
      found.kind == directory::Resolution::Kind::mailbox ? found.mailbox : mailbox;
  if (ours && found.kind != directory::Resolution::Kind::mailbox) {
    note(answer, "mailbox", "there is none of that name");
    end(answer, smtp::one_line(smtp::replies::unknown_recipient()));
    return;
  }
  answer.outcome = RouteOutcome::local;
  const bool is_path = decision.target.scheme == route::Scheme::maildir ||
                       decision.target.scheme == route::Scheme::mbox;
  if (!is_path) {
    note(answer, "mailbox", box.print());
    return;
  }
  route::Target filled = decision.target;
  auto place = delivery::mailbox_directory(filled.argument, box.local.value(), box.domain.text());
  if (!place) {
    note(answer, "mailbox", box.print() + " is too long for the name of a file");
    end(answer, "550 5.1.1 the local-part is too long for a mailbox");
    return;
  }
  filled.argument = std::move(*place);
  answer.via = filled.print();
  note(answer, "mailbox", box.print() + " is at " + filled.argument);
}

base::Task<> Explainer::find_hosts(RouteAnswer& answer, route::Decision decision) {
  const bool is_final = decision.target.scheme == route::Scheme::lmtp;
  const auto found = co_await delivery::find_hosts(
      world_.resolver, decision, world_.settings->lookup, world_.random, &answer.steps);
  if (!found) {
    end(answer, found.error().reply());
    co_return;
  }
  answer.hosts = *found;
  answer.outcome = is_final ? RouteOutcome::local : RouteOutcome::relay;
  note_tls(answer, decision);
}

void Explainer::note_tls(RouteAnswer& answer, const route::Decision& decision) const {
  if (decision.auth) {
    note(answer, "login", "as " + decision.auth->user + ", never without TLS");
  }
  using config::TlsPolicy;
  const bool smtps = decision.target.scheme == route::Scheme::smtps;
  const TlsPolicy wanted = decision.tls.value_or(world_.config.delivery.tls);
  std::string why;
  switch (wanted) {
    case TlsPolicy::off: why = "off: never encrypted"; break;
    case TlsPolicy::opportunistic:
      why = "opportunistic: encrypted if the host offers it and it works";
      break;
    case TlsPolicy::require: why = "require: encrypted, or it waits"; break;
    case TlsPolicy::verify:
      why = "verify: encrypted and with a valid certificate, or it waits";
      break;
  }
  // As delivery::tls_demand() has it.
  const bool weak = wanted == TlsPolicy::off || wanted == TlsPolicy::opportunistic;
  if (decision.auth && weak) why = "encrypted, or it waits: for the login";
  if (smtps) why = weak ? "from the first octet (smtps)" : "from the first octet (smtps); " + why;
  answer.tls = why;
  note(answer, "TLS", why);
}

}  // namespace

bool RouteAnswer::is_good() const {
  switch (outcome) {
    case RouteOutcome::relay:
    case RouteOutcome::local: return true;
    case RouteOutcome::alias: return std::ranges::all_of(targets, &RouteAnswer::is_good);
    case RouteOutcome::refused:
    case RouteOutcome::deferred: break;
  }
  return false;
}

base::Task<RouteAnswer> explain_route(RouteWorld& world, RouteRequest request) {
  Explainer explainer(world, std::move(request));
  co_return co_await explainer.run();
}

}  // namespace cli
