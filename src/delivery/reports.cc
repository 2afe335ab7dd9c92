#include "delivery/reports.h"

#include <algorithm>

#include "delivery/said_path.h"
#include "directory/snapshot.h"
#include "directory/srs.h"
#include "grammar/notify.h"
#include "grammar/path.h"

namespace delivery {

namespace notify = grammar::notify;
using dsn::Kind;

namespace {

constexpr std::uint8_t ret_full = 1;  // [RFC3461 4.3]

bool is_failure(Kind kind) { return kind == Kind::failed || kind == Kind::expired; }

/// The start of the content, up to `octets_max`; empty if it cannot be read.
std::string read_start(spool::Spool& spool, const Letter& letter, std::size_t octets_max) {
  std::string out;
  LetterContent content(spool, letter);
  while (out.size() < octets_max) {
    const auto pieces = content.next();
    if (!pieces || pieces->empty()) break;
    for (const std::string_view piece : *pieces) out += piece.substr(0, octets_max - out.size());
  }
  return out;
}

/// The header section, or as much of it as a report returns.
std::string header_section(spool::Spool& spool, const Letter& letter) {
  std::string out = read_start(spool, letter, dsn::returned_header_octets_max);
  const std::size_t end = out.find("\r\n\r\n");
  if (end != out.npos) out.resize(end + 2);
  return out;
}

std::optional<grammar::ReversePath> originator_of(const std::string& printed) {
  auto path = grammar::ReversePath::parse(printed);
  if (!path || path->is_null()) return std::nullopt;
  return std::move(*path);
}

}  // namespace

const std::string& reporting_path(const spool::Envelope& envelope, std::uint32_t recipient) {
  const std::string& own = envelope.recipients[recipient].reverse_path;
  if (own.empty()) return envelope.reverse_path;
  const auto path = grammar::ReversePath::parse(own);
  const bool rewritten = path && path->mailbox && directory::is_srs(*path->mailbox);
  return rewritten ? envelope.reverse_path : own;
}

bool wants_report(std::uint8_t given, Kind kind) {
  const std::uint8_t bits = given == 0 ? notify::failure | notify::delay : given;
  if ((bits & notify::never) != 0) return false;
  switch (kind) {
    case Kind::failed:
    case Kind::expired: return (bits & notify::failure) != 0;
    case Kind::delayed: return (bits & notify::delay) != 0;
    case Kind::delivered:
    case Kind::relayed:
    case Kind::expanded: return (bits & notify::success) != 0;
  }
  return false;
}

bool is_last_hop(std::string_view key) {
  for (const std::string_view scheme :
       {"lmtp:", "maildir:", "mbox:", "home:", "pipe:", "discard:"}) {
    if (key.starts_with(scheme)) return true;
  }
  return false;
}

std::optional<spool::NewMessage> Reports::make(const Letter& letter, const std::vector<Told>& told,
                                               const ToldOfAll& of_all) {
  if (told.empty()) return std::nullopt;
  const auto originator = originator_of(reporting_path(*letter.envelope, told.front().recipient));
  if (!originator) return std::nullopt;
  std::vector<dsn::RecipientReport> recipients;
  for (const Told& one : told) {
    const spool::Recipient& recipient = letter.envelope->recipients[one.recipient];
    if (!wants_report(recipient.notify, one.kind)) continue;
    auto path = grammar::ForwardPath::parse(recipient.forward_path);
    if (!path) continue;
    recipients.push_back({.original_recipient = recipient.orcpt,
                          .final_recipient = std::move(path->mailbox),
                          .kind = one.kind,
                          .status = one.status,
                          .remote_mta = of_all.remote_mta,
                          .reply = one.reply,
                          .attempts = one.attempts,
                          .last_attempt = one.last_attempt,
                          .will_retry_until = of_all.will_retry_until});
  }
  return build(letter, *originator, std::move(recipients));
}

std::optional<spool::NewMessage> Reports::make_expanded(
    const Letter& letter, const std::vector<spool::Expanded>& expanded) {
  const auto originator = originator_of(letter.envelope->reverse_path);
  if (!originator) return std::nullopt;
  std::vector<dsn::RecipientReport> recipients;
  for (const spool::Expanded& alias : expanded) {
    auto path = grammar::ForwardPath::parse(alias.forward_path);
    if (!path) continue;
    recipients.push_back({.original_recipient = alias.orcpt,
                          .final_recipient = std::move(path->mailbox),
                          .kind = Kind::expanded});
  }
  return build(letter, *originator, std::move(recipients));
}

std::optional<spool::NewMessage> Reports::build(const Letter& letter,
                                                const grammar::ReversePath& reverse_path,
                                                std::vector<dsn::RecipientReport> recipients) {
  if (recipients.empty()) return std::nullopt;
  const spool::Envelope& envelope = *letter.envelope;
  const bool whole = envelope.ret == ret_full && letter.size <= dsn::returned_content_octets_max &&
                     std::ranges::any_of(recipients, [](const dsn::RecipientReport& recipient) {
                       return is_failure(recipient.kind);
                     });
  const std::string original =
      whole ? read_start(spool_, letter, letter.size) : header_section(spool_, letter);
  const base::MessageId id = spool_.new_id();
  const std::string id_text = base::to_string(id);
  const dsn::Report report =
      dsn::build_report({.hostname = settings_->hostname,
                         .id = id_text,
                         .random = random_.next(),
                         .date = clock_.wall(),
                         .arrival_date = envelope.received,
                         .reverse_path = reverse_path,
                         .envelope_id = envelope.envid,
                         .recipients = recipients,
                         .original = original,
                         .return_content = whole && original.size() == letter.size});
  spool::NewMessage message{id, {}, report.content, spool_.new_content()};
  message.envelope.reverse_path = "<>";
  message.envelope.recipients = recipients_of_report(reverse_path);
  message.envelope.received = clock_.wall();
  message.envelope.eight_bit = report.eight_bit;
  message.envelope.smtputf8 = reverse_path.needs_smtputf8();
  return message;
}

/// The originator may be an alias here: it is expanded as at every other acceptance.
std::vector<spool::Recipient> Reports::recipients_of_report(
    const grammar::ReversePath& reverse_path) const {
  grammar::ForwardPath whole = dsn::report_recipient(reverse_path);
  // We may be a station on the way back ourselves [RFC821 3.6].
  whole.route = settings_->honors_routes ? grammar::way_back(whole.route, names_of_ours(*settings_))
                                         : std::vector<grammar::Domain>();
  std::vector<spool::Recipient> out;
  if (whole.route.empty() && settings_->directory) {
    const directory::Expansion expansion = settings_->directory->expand(whole.mailbox);
    if (expansion.kind == directory::Expansion::Kind::targets) {
      for (const directory::ExpandedTarget& target : expansion.targets) {
        out.push_back({.forward_path = grammar::ForwardPath{{}, target.mailbox}.print(),
                       .target = target.local == nullptr ? "" : target.local->text});
      }
    }
  }
  if (out.empty()) out.push_back({.forward_path = whole.print()});
  return out;
}

}  // namespace delivery
