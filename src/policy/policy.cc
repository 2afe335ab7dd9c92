#include "policy/policy.h"

#include <algorithm>

namespace policy {
namespace {

bool is_submission(ListenerRole role) {
  return role == ListenerRole::submission || role == ListenerRole::submissions;
}

RecipientDecision refuse(RecipientVerdict verdict, std::string_view text) {
  return {.verdict = verdict, .text = std::string(text)};
}

}  // namespace

bool may_relay(const RelayRules& rules, const Client& client) {
  if (client.authenticated) return true;
  if (is_submission(client.role)) return !client.needs_auth;
  if (client.role == ListenerRole::lmtp) return false;
  return std::ranges::any_of(rules.networks, [&](const base::Network& network) {
    return network.contains(client.address);
  });
}

SenderVerdict judge_sender(const Client& client, bool may_send_as) {
  if (client.authenticated) {
    return may_send_as ? SenderVerdict::accepted : SenderVerdict::not_own_sender;
  }
  if (is_submission(client.role) && client.needs_auth) return SenderVerdict::auth_required;
  return SenderVerdict::accepted;
}

RecipientDecision judge_recipient(const RelayRules& rules, const Client& client,
                                  const Recipient& recipient) {
  using enum RecipientVerdict;
  if (recipient.has_source_route && rules.source_routes == SourceRoutes::refuse) {
    return refuse(source_route_refused, "source routes are not accepted here");
  }
  // Before everything that would tell a stranger more.
  const bool goes_by_others =
      recipient.goes_by_others && rules.source_routes == SourceRoutes::honor;
  if (goes_by_others && !may_relay(rules, client)) {
    return refuse(relaying_denied, "relaying denied: the source route names other hosts");
  }
  if (recipient.source_route_loops && rules.source_routes == SourceRoutes::honor) {
    return refuse(source_route_loops, "the source route comes to one host twice");
  }
  if (recipient.is_local && !recipient.is_known) {
    return refuse(unknown_recipient, "no such recipient here");
  }
  // LMTP is for final delivery: nothing goes further from there [RFC2033 1].
  const bool may_leave = client.role != ListenerRole::lmtp &&
                         (rules.domains.contains(recipient.domain) || may_relay(rules, client));
  const bool permitted = recipient.is_local || may_leave;
  if (!permitted) return refuse(relaying_denied, "relaying denied");
  if (recipient.route_rejects) return refuse(rejected_by_route, *recipient.route_rejects);
  return {};
}

}  // namespace policy
