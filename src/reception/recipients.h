#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "base/time.h"
#include "directory/expansion.h"
#include "policy/policy.h"
#include "reception/settings.h"
#include "route/origin.h"
#include "smtp/command.h"
#include "smtp/reply.h"
#include "spool/types.h"

namespace reception {

/// In octets, of the recipients of one transaction as they are stored: aliases make many of one.
/// Beyond it the next RCPT gets 452, and goes into another transaction.
inline constexpr std::size_t recipients_octets_max = 3u << 20;
static_assert(recipients_octets_max < spool::envelope_octets_max);

/// Asks the server behind a domain with `recipients = "ask"`: see ReceptionWorld.
using AskAboutRecipient =
    std::function<base::Task<AskedRecipient>(std::string deliver_target, std::string forward_path)>;

/// Who proposes a recipient, and what rules there are. All must outlive the answer.
struct RecipientQuestion {
  const Settings& settings;
  const policy::Client& client;
  const route::Origin& origin;
  const AskAboutRecipient& ask;
  base::WallTime now = {};
};

struct RecipientAnswer {
  smtp::Reply reply;
  std::string why;  ///< Of a refusal, for the log.
};

/// The recipients of one mail transaction: judges each RCPT, and works out what it becomes. Aliases
/// are expanded here [RFC5321 3.9.1]: each target is a recipient with an outcome of its own.
class Recipients {
 public:
  void clear();

  [[nodiscard]] base::Task<RecipientAnswer> propose(smtp::RcptCommand command,
                                                    RecipientQuestion question);

  /// Each mailbox once, in the order in which they were reached.
  [[nodiscard]] std::vector<spool::Recipient>& list() { return list_; }
  /// Those whose originator wants to hear that they were expanded.
  [[nodiscard]] std::vector<spool::Expanded>& expanded() { return expanded_; }

 private:
  void add(const smtp::RcptCommand& command, const directory::Expansion& found,
           const RecipientQuestion& question);
  void add_expanded(const smtp::RcptCommand& command, const directory::Expansion& found,
                    const RecipientQuestion& question);
  void add_one(spool::Recipient recipient, const grammar::Mailbox& mailbox, bool is_local);

  std::vector<spool::Recipient> list_;
  std::vector<spool::Expanded> expanded_;
  std::set<std::string> reached_;  ///< Mailboxes, each in one spelling.
  std::size_t octets_ = 0;         ///< Of list_, as stored.
};

}  // namespace reception
