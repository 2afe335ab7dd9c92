#include "delivery/said_path.h"

#include <utility>

#include "delivery/reports.h"
#include "delivery/routing.h"
#include "grammar/xtext.h"
#include "smtp/dsn_parameters.h"

namespace delivery {

grammar::IsOurs names_of_ours(const Settings& settings) {
  return [&settings](const grammar::Domain& name) {
    return name == settings.lookup.hostname || settings.domains.contains(name);
  };
}

bool same_reverse_path(const spool::Envelope& envelope, std::uint32_t a, std::uint32_t b) {
  const spool::Recipient& one = envelope.recipients[a];
  const spool::Recipient& other = envelope.recipients[b];
  return one.by_route == other.by_route && one.reverse_path == other.reverse_path;
}

std::string said_reverse_path(const Settings& settings, const spool::Envelope& envelope,
                              std::uint32_t recipient, std::string_view next_hop) {
  const spool::Recipient& to = envelope.recipients[recipient];
  // A reverse-path of its own leads to us already.
  if (!to.reverse_path.empty()) return to.reverse_path;
  const bool grows = settings.reverse_routes && to.by_route && !is_last_hop(next_hop);
  if (!grows || settings.lookup.hostname.empty()) return envelope.reverse_path;
  const auto path = grammar::ReversePath::parse(envelope.reverse_path);
  if (!path) return envelope.reverse_path;
  return grammar::put_in_front(settings.lookup.hostname, *path, names_of_ours(settings)).print();
}

SaidRecipient said_recipient(const Settings& settings, const spool::Envelope& envelope,
                             std::uint32_t recipient, std::string_view reroute) {
  const spool::Recipient& to = envelope.recipients[recipient];
  SaidRecipient out{.forward_path = to.forward_path, .orcpt = to.orcpt};
  if (!settings.rewrites || !to.trusted || !reroute.empty()) return out;
  const Routing routing(settings, envelope);
  const auto decision = routing.decide(recipient, {});
  if (!decision || !decision->rewritten) return out;
  const auto given = grammar::ForwardPath::parse(to.forward_path);
  out.forward_path = grammar::ForwardPath{{}, *decision->rewritten}.print();
  if (out.orcpt.empty() && given && !given->needs_smtputf8()) {
    const std::string text = "rfc822;" + grammar::xtext_encode(given->mailbox.print());
    if (text.size() <= smtp::orcpt_octets_max) out.orcpt = text;
  }
  return out;
}

}  // namespace delivery
