#include "reception/recipients.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/ascii.h"
#include "directory/snapshot.h"
#include "grammar/notify.h"
#include "grammar/xtext.h"
#include "reception/forwarding.h"
#include "reception/source_route.h"
#include "route/decide.h"
#include "smtp/dsn_parameters.h"
#include "smtp/server_replies.h"

namespace reception {

namespace replies = smtp::replies;
namespace notify = grammar::notify;
using directory::Expansion;

namespace {

/// In octets, of what a recipient costs beside its texts.
constexpr std::size_t recipient_octets_more = 32;

[[nodiscard]] RecipientAnswer refuse(smtp::Reply reply, std::string_view why) {
  return {.reply = std::move(reply), .why = std::string(why)};
}

[[nodiscard]] std::optional<std::string_view> rejecting_text(const grammar::ForwardPath& path,
                                                             const RecipientQuestion& question) {
  const directory::Snapshot& directory = *question.settings.directory;
  const grammar::IsOurs is_ours = [&](const grammar::Domain& domain) {
    return directory.find_domain(domain) != nullptr;
  };
  return route::rejecting_text(
      path, {.table = question.settings.routes,
             .is_ours = is_ours,
             .origin = &question.origin,
             .may_rewrite = policy::may_relay(question.settings.relay, question.client)});
}

/// TEXT of the `reject:` route that the recipient meets, or that all of its targets meet.
[[nodiscard]] std::optional<std::string_view> rejecting_text(const grammar::ForwardPath& path,
                                                             const Expansion& found,
                                                             const RecipientQuestion& question) {
  if (question.settings.routes.rules().empty()) return std::nullopt;
  if (const auto text = rejecting_text(path, question)) return text;
  std::optional<std::string_view> text;
  if (!path.route.empty()) return text;
  for (const directory::ExpandedTarget& target : found.targets) {
    if (target.local != nullptr) return std::nullopt;
    text = rejecting_text(grammar::ForwardPath{{}, target.mailbox}, question);
    if (!text) break;
  }
  return text;
}

/// What policy and directory say against the recipient; nullopt: nothing.
[[nodiscard]] std::optional<RecipientAnswer> refusal_of(const grammar::ForwardPath& path,
                                                        const SourceRoute& way,
                                                        const Expansion& found, bool is_returned,
                                                        const RecipientQuestion& question) {
  const policy::Recipient recipient{
      .has_source_route = way.given,
      .goes_by_others = !path.route.empty(),
      .source_route_loops = way.loops,
      .is_local = found.kind != Expansion::Kind::not_local || is_returned,
      .is_known = found.kind != Expansion::Kind::unknown,
      .domain = path.mailbox.domain,
      .route_rejects = rejecting_text(path, found, question),
  };
  const policy::RecipientDecision decision =
      policy::judge_recipient(question.settings.relay, question.client, recipient);
  switch (decision.verdict) {
    case policy::RecipientVerdict::accepted: break;
    case policy::RecipientVerdict::source_route_refused:
      return refuse(replies::source_route_refused(), decision.text);
    case policy::RecipientVerdict::unknown_recipient:
      return refuse(replies::unknown_recipient(), decision.text);
    case policy::RecipientVerdict::relaying_denied:
      return refuse(replies::relaying_denied(), decision.text);
    case policy::RecipientVerdict::source_route_loops:
      return refuse(replies::source_route_loops(), decision.text + ": " + way.twice);
    case policy::RecipientVerdict::rejected_by_route:
      return refuse(replies::policy_refused(decision.text), decision.text);
  }
  if (!path.route.empty()) return std::nullopt;
  switch (found.kind) {
    case Expansion::Kind::loop:
      return refuse(replies::alias_loop(), "aliases lead to each other, and to no mailbox");
    case Expansion::Kind::too_many:
      return refuse(replies::alias_too_large(), "aliases lead to too many addresses");
    case Expansion::Kind::not_local:
    case Expansion::Kind::unknown:
    case Expansion::Kind::ask:
    case Expansion::Kind::targets: break;
  }
  return std::nullopt;
}

/// As backup MX we take nothing that the primary would not. While that cannot be asked, all is
/// taken: that is what a backup is for.
[[nodiscard]] bool is_asked_for(const grammar::ForwardPath& path, const Expansion& found,
                                const RecipientQuestion& question) {
  const policy::RelayRules& relay = question.settings.relay;
  return relay.ask && found.kind == Expansion::Kind::not_local &&
         relay.domains.contains(path.mailbox.domain);
}

[[nodiscard]] std::string path_of(const grammar::Mailbox& mailbox) {
  return "<" + mailbox.print() + ">";
}

/// Of an address that others take the place of: who wrote to it should read of it in a report
/// [RFC3461 5.2.1].
[[nodiscard]] std::string original_recipient(const grammar::Mailbox& mailbox) {
  if (mailbox.domain.empty() || mailbox.needs_smtputf8()) return {};
  const std::string text = "rfc822;" + grammar::xtext_encode(mailbox.print());
  return text.size() <= smtp::orcpt_octets_max ? text : std::string();
}

/// NOTIFY of the targets of an alias that has several [RFC3461 5.2.7.3]: success is ours to tell.
[[nodiscard]] std::uint8_t without_success(std::uint8_t bits) {
  if (bits == 0) return 0;
  const auto rest = static_cast<std::uint8_t>(bits & ~notify::success);
  return rest == 0 ? notify::never : rest;
}

}  // namespace

void Recipients::clear() {
  list_.clear();
  expanded_.clear();
  reached_.clear();
  octets_ = 0;
}

base::Task<RecipientAnswer> Recipients::propose(smtp::RcptCommand command,
                                                RecipientQuestion question) {
  const SourceRoute way = take_source_route(command.forward_path, question.settings);
  Returned returned = take_rewritten(command.forward_path, question);
  if (returned.refusal) co_return std::move(*returned.refusal);
  Expansion found = question.settings.directory->expand(command.forward_path.mailbox);
  if (auto refusal = refusal_of(command.forward_path, way, found, returned.is_ours, question)) {
    co_return std::move(*refusal);
  }
  const bool goes_by_others = !command.forward_path.route.empty();
  if (found.kind == Expansion::Kind::ask && !goes_by_others) {
    AskedRecipient asked = AskedRecipient::unavailable;
    if (question.ask) {
      asked =
          co_await question.ask(found.domain->deliver, command.forward_path.print_without_route());
    }
    if (asked == AskedRecipient::unknown) {
      co_return refuse(replies::unknown_recipient(), "the server behind the domain says so");
    }
    if (asked == AskedRecipient::unavailable) {
      co_return refuse(replies::directory_unavailable(),
                       "the server behind the domain could not be asked");
    }
  }
  if (!goes_by_others && question.ask && is_asked_for(command.forward_path, found, question)) {
    const AskedRecipient asked =
        co_await question.ask({}, command.forward_path.print_without_route());
    if (asked == AskedRecipient::unknown) {
      co_return refuse(replies::unknown_recipient(), "the next hop of the relay domain says so");
    }
  }
  if (octets_ > recipients_octets_max / 2) {
    co_return refuse(replies::too_many_recipients(), "aliases have led to too many recipients");
  }
  const std::size_t before = list_.size();
  add(command, found, question);
  for (spool::Recipient& added : std::span(list_).subspan(before)) {
    added.by_route = way.honored;
    added.trusted = policy::may_relay(question.settings.relay, question.client);
  }
  co_return RecipientAnswer{.reply = replies::recipient_ok(), .why = {}};
}

void Recipients::add(const smtp::RcptCommand& command, const Expansion& found,
                     const RecipientQuestion& question) {
  const grammar::Mailbox& mailbox = command.forward_path.mailbox;
  const directory::Snapshot& directory = *question.settings.directory;
  // What goes on by others is theirs to read: no alias is looked for here.
  const bool is_local = found.kind != Expansion::Kind::not_local;
  if (!is_local || !command.forward_path.route.empty()) {
    return add_one({.forward_path = command.forward_path.print(),
                    .notify = command.notify,
                    .orcpt = command.orcpt},
                   mailbox, is_local);
  }
  // Only the mailbox itself keeps the client's spelling, and what stands behind a plus.
  const bool is_itself = !found.aliased && !mailbox.domain.empty() &&
                         directory.resolve(mailbox).kind == directory::Resolution::Kind::mailbox;
  if (is_itself) {
    return add_one({.forward_path = command.forward_path.print_without_route(),
                    .notify = command.notify,
                    .orcpt = command.orcpt},
                   found.targets.front().mailbox, true);
  }
  add_expanded(command, found, question);
}

void Recipients::add_expanded(const smtp::RcptCommand& command, const Expansion& found,
                              const RecipientQuestion& question) {
  const grammar::Mailbox& mailbox = command.forward_path.mailbox;
  bool is_expanded = found.targets.size() > 1;
  const std::uint8_t notify = is_expanded ? without_success(command.notify) : command.notify;
  const std::string orcpt = command.orcpt.empty() ? original_recipient(mailbox) : command.orcpt;
  for (const directory::ExpandedTarget& target : found.targets) {
    const bool is_local =
        question.settings.directory->find_domain(target.mailbox.domain) != nullptr;
    spool::Recipient recipient{.forward_path = path_of(target.mailbox),
                               .notify = notify,
                               .orcpt = orcpt,
                               .reverse_path = reverse_path_for(target, is_local, question)};
    if (target.local != nullptr) recipient.target = target.local->text;
    if (target.owner != nullptr && !recipient.reverse_path.empty()) {
      // A list sends mail of its own: what the originator has asked for ends here [RFC3461 5.2.7].
      recipient.notify = 0;
      recipient.orcpt.clear();
      is_expanded = true;
    }
    add_one(std::move(recipient), target.mailbox, is_local);
  }
  if (!is_expanded || (command.notify & notify::success) == 0) return;
  std::string forward_path = command.forward_path.print_without_route();
  const bool is_known = std::ranges::any_of(
      expanded_, [&](const auto& before) { return before.forward_path == forward_path; });
  if (!is_known) expanded_.push_back({std::move(forward_path), command.orcpt});
}

/// A mailbox that is reached twice gets one copy, whatever the spelling and the way there.
void Recipients::add_one(spool::Recipient recipient, const grammar::Mailbox& mailbox,
                         bool is_local) {
  const std::string& local = mailbox.local.value();
  std::string key = (is_local ? base::lower(local) : local) + '@' + mailbox.domain.canonical();
  // A program or file, whatever alias leads there. No address has a line end.
  if (!recipient.target.empty()) key = '\n' + recipient.target;
  if (!reached_.insert(std::move(key)).second) return;
  octets_ += recipient.forward_path.size() + recipient.orcpt.size() +
             recipient.reverse_path.size() + recipient.target.size() + recipient_octets_more;
  list_.push_back(std::move(recipient));
}

}  // namespace reception
