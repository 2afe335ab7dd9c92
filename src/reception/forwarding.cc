#include "reception/forwarding.h"

#include "directory/snapshot.h"
#include "directory/srs.h"
#include "smtp/server_replies.h"

namespace reception {

namespace replies = smtp::replies;
using directory::Srs;

namespace {

std::string path_of(const grammar::Mailbox& mailbox) { return "<" + mailbox.print() + ">"; }

}  // namespace

std::string reverse_path_for(const directory::ExpandedTarget& target, bool is_local,
                             const RecipientQuestion& question) {
  const auto& sender = question.origin.sender;
  if (!sender || sender->domain.empty()) return {};
  if (target.owner != nullptr) return path_of(*target.owner);
  const Srs* srs = question.settings.srs.get();
  if (srs == nullptr || is_local || target.local != nullptr) return {};
  const directory::Snapshot& directory = *question.settings.directory;
  if (sender->domain == srs->domain() || directory.find_domain(sender->domain) != nullptr) {
    return {};
  }
  const auto rewritten = srs->rewrite(*sender, question.now);
  return rewritten ? path_of(*rewritten) : std::string();
}

Returned take_rewritten(grammar::ForwardPath& path, const RecipientQuestion& question) {
  const Srs* srs = question.settings.srs.get();
  if (srs == nullptr || !path.route.empty()) return {};
  Srs::Reversed found = srs->reverse(path.mailbox, question.now);
  switch (found.kind) {
    case Srs::Reversed::Kind::none: break;
    case Srs::Reversed::Kind::good:
      path.mailbox = std::move(found.mailbox);
      return {.is_ours = true};
    case Srs::Reversed::Kind::forged:
      return {.refusal = RecipientAnswer{
                  .reply = replies::policy_refused("this is no address that we have made"),
                  .why = "the rewritten sender is forged"}};
    case Srs::Reversed::Kind::expired:
      return {.refusal = RecipientAnswer{.reply = replies::unknown_recipient(),
                                         .why = "the rewritten sender has expired"}};
  }
  return {};
}

}  // namespace reception
