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
  if (rule.auth) out += fmt::format(" as {} ({})", rule.auth->user, rule.auth->password_file);
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

}  // namespace

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
  if (!recipient.route.empty()) {
    if (steps != nullptr) note(steps, "source route", "the next host is " + domain.canonical());
    note_mx(steps, domain);
    return decision_for(Target{}, domain);
  }

  const auto local = context.domains.find(domain);
  const bool ours = local != context.domains.end();
  if (const Rule* rule = context.routes.find(recipient.mailbox, ours, context.origin, steps)) {
    Decision decision = decision_for(rule->via, domain);
    decision.lane = rule->lane;
    decision.auth = rule->auth;
    decision.next_hop += separate(*rule);
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
