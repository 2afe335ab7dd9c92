#include "route/decide.h"

#include <fmt/format.h>

#include <utility>

#include "base/ascii.h"

namespace route {
namespace {

NextHopKind kind_of(const Target& target) {
  switch (target.scheme) {
    case Scheme::smtp:
    case Scheme::smtps: return NextHopKind::host;
    case Scheme::lmtp: return target.is_host() ? NextHopKind::host : NextHopKind::local;
    case Scheme::pipe:
    case Scheme::maildir:
    case Scheme::mbox: return NextHopKind::local;
    case Scheme::discard: return NextHopKind::discard;
    case Scheme::reject: return NextHopKind::reject;
    case Scheme::mx: break;
  }
  return NextHopKind::mx;
}

/// A slow program delays no other.
std::string program_of(const Target& target) {
  return target.print() + (target.run_as.empty() ? "" : " as " + target.run_as);
}

/// A slow home delays no other.
std::string home_of(const grammar::Mailbox& recipient) {
  const std::string& local = recipient.local.value();
  return "home:" + base::lower(std::string_view(local).substr(0, local.find('+')));
}

std::string next_hop_of(const Decision& decision) {
  switch (decision.target.scheme) {
    case Scheme::smtp:
    case Scheme::smtps:
    case Scheme::lmtp: return decision.target.print();
    case Scheme::pipe: return program_of(decision.target);
    case Scheme::maildir: return "maildir:";
    case Scheme::mbox: return "mbox:";
    case Scheme::discard: return "discard:";
    case Scheme::reject: return "reject:";
    case Scheme::mx: break;
  }
  return "mx:" + decision.domain.canonical();
}

Decision decision_for(Target target, const grammar::Domain& domain) {
  Decision decision;
  decision.kind = kind_of(target);
  decision.target = std::move(target);
  decision.domain = domain;
  decision.next_hop = next_hop_of(decision);
  return decision;
}

/// What keeps the mail of a rule apart from other mail to the same host.
std::string separate(const Rule& rule) {
  std::string out;
  if (rule.auth) out += " as " + rule.auth->print();
  if (rule.tls) out += fmt::format(" with TLS {}", to_string(*rule.tls));
  if (!rule.lane.empty()) out += " in lane " + rule.lane;
  return out;
}

void note(Steps steps, const char* what, std::string why) {
  if (steps != nullptr) steps->push_back({what, std::move(why)});
}

void note_mx(Steps steps, const grammar::Domain& domain) {
  if (steps == nullptr) return;
  note(steps, "MX",
       domain.is_literal() ? "the domain is an address: mail goes straight there"
                           : "nothing else decides: by the MX records of " + domain.canonical());
}

/// As the rule says that was found for `mailbox`.
Decision decision_by(const Match& match, const grammar::Mailbox& mailbox) {
  const Rule& rule = *match.rule;
  Decision decision = decision_for(*match.via, mailbox.domain);
  decision.lane = rule.lane;
  decision.auth = rule.auth;
  decision.tls = rule.tls;
  decision.next_hop += separate(rule);
  return decision;
}

std::optional<std::string_view> reject_text(const std::optional<Match>& match) {
  if (!match || match->via->scheme != Scheme::reject) return std::nullopt;
  return match->via->argument;
}

/// What a rule is asked for in place of a mailbox: a host of a source route.
grammar::Mailbox at(const grammar::Domain& host) { return {{}, host}; }

/// The address behind a gateway, unless a rule refuses it.
void rewrite(Decision& decision, const Match& match, const grammar::ForwardPath& recipient,
             const Context& context, Steps steps) {
  const Rewrite how = match.rule->rewrite;
  if (how == Rewrite::none) return;
  auto behind = rewritten(how, recipient.mailbox);
  if (!behind) return;
  if (!context.may_rewrite) {
    note(steps, "rewrite", "not for a client that may not relay: the address stays as it is");
    return;
  }
  const bool ours = context.domains.contains(behind->domain);
  if (const auto text = reject_text(context.routes.find(*behind, ours, context.origin))) {
    note(steps, "rewrite", behind->print() + " is refused by a rule");
    decision = decision_for(Target{.scheme = Scheme::reject, .argument = std::string(*text)},
                            recipient.mailbox.domain);
    return;
  }
  note(steps, "rewrite", fmt::format("{}: goes on as {}", to_string(how), behind->print()));
  decision.rewritten = std::move(*behind);
}

/// Of a recipient that goes by a source route: to its first host, as mail for that domain does.
Decision decide_by_route(const grammar::ForwardPath& recipient, const Context& context,
                         Steps steps) {
  const grammar::Domain& host = recipient.route.front();
  if (steps != nullptr) note(steps, "source route", "the next host is " + host.canonical());
  const auto is_ours = [&](const grammar::Domain& name) { return context.domains.contains(name); };
  const Rules rules{.table = context.routes, .is_ours = is_ours, .origin = context.origin};
  if (const auto text = rejecting_text(recipient, rules)) {
    note(steps, "reject", "a rule refuses the recipient or a host of its source route");
    return decision_for(Target{.scheme = Scheme::reject, .argument = std::string(*text)}, host);
  }
  const auto match = context.routes.find(at(host), is_ours(host), context.origin, steps);
  if (match) return decision_by(*match, at(host));
  note_mx(steps, host);
  return decision_for(Target{}, host);
}

}  // namespace

std::optional<std::string_view> rejecting_text(const grammar::ForwardPath& recipient,
                                               const Rules& rules) {
  const auto find = [&](const grammar::Mailbox& mailbox) {
    return rules.table.find(mailbox, rules.is_ours(mailbox.domain), rules.origin);
  };
  const auto match = find(recipient.mailbox);
  if (const auto text = reject_text(match)) return text;
  if (recipient.route.empty()) {
    if (!match || !rules.may_rewrite) return std::nullopt;
    const auto behind = rewritten(match->rule->rewrite, recipient.mailbox);
    return behind ? reject_text(find(*behind)) : std::nullopt;
  }
  for (const grammar::Domain& host : recipient.route) {
    if (const auto text = reject_text(find(at(host)))) return text;
  }
  return std::nullopt;
}

Decision decide(const grammar::ForwardPath& recipient, const Target* reroute,
                const Context& context, Steps steps) {
  const grammar::Domain& domain =
      recipient.route.empty() ? recipient.mailbox.domain : recipient.route.front();
  if (reroute != nullptr) {
    if (steps != nullptr) note(steps, "reroute", "fixed by the operator: " + reroute->print());
    return decision_for(*reroute, domain);
  }
  if (domain.empty()) {
    return decision_for(Target{.scheme = Scheme::reject, .argument = "the address has no domain"},
                        domain);
  }
  if (!recipient.route.empty()) return decide_by_route(recipient, context, steps);

  const auto local = context.domains.find(domain);
  const bool ours = local != context.domains.end();
  if (const auto match = context.routes.find(recipient.mailbox, ours, context.origin, steps)) {
    Decision decision = decision_by(*match, recipient.mailbox);
    rewrite(decision, *match, recipient, context, steps);
    return decision;
  }
  if (ours) {
    if (steps != nullptr) {
      note(steps, "[[domain]]", domain.canonical() + " is here: " + local->second.print());
    }
    Decision decision = decision_for(local->second, domain);
    if (decision.target.is_in_home()) decision.next_hop = home_of(recipient.mailbox);
    return decision;
  }
  note_mx(steps, domain);
  return decision_for(Target{}, domain);
}

}  // namespace route
