#include <algorithm>
#include <utility>

#include "policy/rate_limits.h"
#include "reception/session.h"
#include "smtp/server_replies.h"

// ETRN [RFC1985]: who may ask for mail that waits.
namespace reception {

namespace replies = smtp::replies;

namespace {

std::string node_of(const smtp::EtrnCommand& command) {
  switch (command.kind) {
    case smtp::EtrnCommand::Kind::node: break;
    case smtp::EtrnCommand::Kind::below: return "@" + command.domain.ascii();
    case smtp::EtrnCommand::Kind::queue: return "#" + command.queue;
  }
  return command.domain.ascii();
}

bool is_known(const smtp::EtrnCommand& command, const route::DomainSet& domains) {
  switch (command.kind) {
    case smtp::EtrnCommand::Kind::node: return domains.contains(command.domain);
    case smtp::EtrnCommand::Kind::below: return domains.touches(command.domain);
    case smtp::EtrnCommand::Kind::queue: break;  // Who finds nothing there hears that.
  }
  return true;
}

}  // namespace

bool Session::may_start_queue() const {
  const policy::Client client = policy_client();
  if (policy::may_relay(settings_->relay, client)) return true;
  return listener_.unix_path.empty() &&
         std::ranges::any_of(settings_->etrn_networks, [&](const base::Network& network) {
           return network.contains(client.address);
         });
}

base::Task<> Session::propose_queue_start(smtp::EtrnCommand command) {
  using policy::RateLimits;
  const std::string node = node_of(command);
  constexpr auto what = RateLimits::What::etrn_of_client;
  smtp::Reply reply;
  std::string reason;
  if (reception_.rates_.count(what, channel_.remote().address, reception_.world_.loop.now())) {
    reply = replies::queue_not_started(node);
    reason = "ETRN, more often than etrn.requests_per_client";
  } else if (!may_start_queue() || !is_known(command, settings_->etrn_domains)) {
    // Alike, so that strangers do not learn whose mail waits here.
    reply = replies::queue_refused(node);
    reason = may_start_queue() ? "ETRN for no domain of etrn.domains" : "ETRN not allowed";
  } else {
    QueueStarted started;
    if (reception_.world_.start_queue) {
      started = co_await reception_.world_.start_queue(std::move(command), client_);
    }
    reply = started.started ? replies::queue_started(node, started.messages)
                            : replies::queue_not_started(node);
    if (!started.started) reason = "ETRN, while others are being answered";
  }
  if (reason.empty()) {
    ++reception_.counters_.etrn;
    auto event = reception_.world_.log.event("etrn");
    event.text("client", client_).text("node", node).text("reply", smtp::one_line(reply));
    reception_.world_.log.write(event);
  } else {
    reject(reply, "", reason);
  }
  session_.answer(reply);
}

}  // namespace reception
