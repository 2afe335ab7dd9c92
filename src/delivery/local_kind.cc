#include "delivery/local_kind.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace delivery {

using dsn::Outcome;

namespace {

constexpr std::size_t no_content = static_cast<std::size_t>(-1);

constexpr std::array<LocalKindInfo, 6> kinds{{
    {.scheme = "maildir:", .make = make_maildir_kind},
    {.scheme = "mbox:", .make = make_mbox_kind},
    {.scheme = "home:", .messages_max = 1, .one_recipient = true, .make = make_home_kind},
    {.scheme = "pipe:", .messages_max = 1, .one_recipient = true, .make = make_pipe_kind},
    {.scheme = "discard:",
     .octets_max = no_content,
     .into_mailboxes = false,
     .make = make_discard_kind},
    {.scheme = "reject:",
     .octets_max = no_content,
     .into_mailboxes = false,
     .make = make_reject_kind},
}};

}  // namespace

const LocalKindInfo* find_local_kind(std::string_view key) {
  const auto found = std::ranges::find_if(
      kinds, [key](const LocalKindInfo& kind) { return key.starts_with(kind.scheme); });
  return found == kinds.end() ? nullptr : &*found;
}

void Parcel::conclude(const LocalTarget& target, Outcome outcome, std::string reply,
                      std::string status) {
  results.push_back({.recipient = target.recipient,
                     .outcome = outcome,
                     .reply = std::move(reply),
                     .status = std::move(status)});
}

void Parcel::conclude(Outcome outcome, const std::string& reply, const std::string& status) {
  for (const LocalTarget& target : targets) conclude(target, outcome, reply, status);
}

void Parcel::conclude(const LocalTarget& target, const base::Io<>& stored) {
  if (stored) return conclude(target, Outcome::delivered, "250 2.0.0 delivered");
  const base::IoError& error = stored.error();
  conclude(target, Outcome::deferred,
           error.code == base::IoErrorCode::no_space ? mailbox_full(error) : base::describe(error));
}

std::string mailbox_full(const base::IoError& error) {
  return std::string("452 4.2.2 the mailbox is full: ") +
         (error.system_error == EDQUOT ? "disk quota exceeded" : base::describe(error));
}

bool Parcel::may_be_repeated(const LocalTarget& target) const {
  // What is at hand from its acceptance has not been tried since.
  return letter.content == nullptr || letter.statuses[target.recipient].attempts > 0;
}

}  // namespace delivery
