#include "cli/route_explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "delivery/hosts.h"
#include "delivery/maildir.h"
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
  [[nodiscard]] base::Task<bool> judge_recipient(RouteAnswer& answer, smtp::RcptCommand command);
  void note_permission(RouteAnswer& answer, const grammar::Mailbox& mailbox,
                       const Expansion& expansion) const;
  [[nodiscard]] base::Task<> follow(RouteAnswer& answer, grammar::Mailbox mailbox);
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
  if (!command->forward_path.route.empty()) {
    const bool refused = world_.config.relay.source_routes == policy::SourceRoutes::refuse;
    note(answer, "source route",
         refused ? "source routes are refused" : "source routes are dropped");
  }
  const grammar::Mailbox mailbox = command->forward_path.mailbox;
  if (!co_await judge_recipient(answer, std::move(*command))) co_return answer;

  Expansion expansion = world_.config.directory->expand(mailbox);
  if (expansion.kind == Expansion::Kind::not_local) {
    co_await follow(answer, mailbox);
    co_return answer;
  }
  if (!expansion.aliased) {
    co_await follow(answer, expansion.targets.front().mailbox);
    co_return answer;
  }
  note(answer, "[[alias]]", "stands for " + addresses(expansion.targets));
  answer.outcome = RouteOutcome::alias;
  for (directory::ExpandedTarget& target : expansion.targets) {
    RouteAnswer one{
        .recipient = name_of(target), .steps = {}, .via = {}, .hosts = {}, .targets = {}};
    co_await follow(one, std::move(target.mailbox));
    answer.targets.push_back(std::move(one));
  }
  co_return answer;
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

base::Task<bool> Explainer::judge_recipient(RouteAnswer& answer, smtp::RcptCommand command) {
  reception::Settings settings;
  settings.hostname = world_.config.hostname;
  settings.relay = world_.config.relay;
  settings.directory = world_.config.directory;
  settings.routes = world_.config.routes;
  const policy::Client from = client();
  const grammar::Mailbox mailbox = command.forward_path.mailbox;
  const Expansion expansion = settings.directory->expand(mailbox);
  reception::Recipients recipients;
  const reception::RecipientAnswer judged = co_await recipients.propose(
      std::move(command),
      {.settings = settings, .client = from, .origin = origin_, .ask = world_.ask});
  if (expansion.kind == Expansion::Kind::ask) {
    note(answer, "[[domain]]",
         judged.reply.is_positive() ? "the server behind the domain knows the recipient"
                                    : judged.why);
  }
  if (judged.reply.is_positive()) {
    note_permission(answer, mailbox, expansion);
    co_return true;
  }
  note(answer, "RCPT", judged.why);
  end(answer, smtp::one_line(judged.reply));
  co_return false;
}

void Explainer::note_permission(RouteAnswer& answer, const grammar::Mailbox& mailbox,
                                const Expansion& expansion) const {
  const policy::RelayRules& rules = world_.config.relay;
  if (expansion.domain != nullptr) {
    note(answer, "permission", "anybody may send to our domains");
  } else if (rules.domains.contains(mailbox.domain)) {
    note(answer, "permission", "anybody may send to relay.domains");
  } else if (request_.client) {
    note(answer, "permission", request_.client->to_string() + " is in relay.networks");
  }
}

base::Task<> Explainer::follow(RouteAnswer& answer, grammar::Mailbox mailbox) {
  grammar::ForwardPath path;
  path.mailbox = mailbox;
  const route::Context context{
      .domains = world_.config.local_domains, .routes = world_.config.routes, .origin = &origin_};
  route::Decision decision = route::decide(path, nullptr, context, &answer.steps);
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
    case route::NextHopKind::local: deliver_here(answer, mailbox, decision); break;
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
  std::string why;
  switch (world_.config.delivery.tls) {
    case config::TlsPolicy::off: why = "off: never encrypted"; break;
    case config::TlsPolicy::opportunistic:
      why = "opportunistic: encrypted if the host offers it and it works";
      break;
    case config::TlsPolicy::require: why = "require: encrypted, or it waits"; break;
    case config::TlsPolicy::verify:
      why = "verify: encrypted and with a valid certificate, or it waits";
      break;
  }
  const bool weak = world_.config.delivery.tls == config::TlsPolicy::off ||
                    world_.config.delivery.tls == config::TlsPolicy::opportunistic;
  if (decision.auth && weak) why = "encrypted, or it waits: for the login";
  if (decision.target.scheme == route::Scheme::smtps) why = "from the first octet (smtps)";
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
