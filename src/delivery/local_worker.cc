#include "delivery/local_worker.h"

#include <list>
#include <utility>

#include "base/escape.h"
#include "delivery/maildir.h"
#include "directory/snapshot.h"
#include "engine/run_on.h"
#include "grammar/header.h"
#include "grammar/path.h"

namespace delivery {

using base::Io;
using dsn::Outcome;

namespace {

// Of one batch: what is synced together, and what is in memory meanwhile.
constexpr std::size_t batch_messages_max = 256;
constexpr std::size_t batch_octets_max = std::size_t{16} << 20;

base::Task<Io<std::vector<Io<>>>> deliver_all(sys::Disk& disk, std::vector<MaildirItem> items) {
  co_return co_await deliver_batch(disk, std::move(items));
}

}  // namespace

bool is_local_hop(std::string_view key) {
  return key.starts_with("maildir:") || key.starts_with("discard:") || key.starts_with("reject:");
}

/// One message of a batch.
struct LocalWorker::Parcel {
  std::unique_ptr<queue::Entry> entry;
  Letter letter;
  std::string read;                       ///< The content, if it was read from disk.
  std::vector<std::string_view> content;  ///< Without the Return-Path fields of others.
  std::list<std::string> fields;          ///< Return-Path and Delivered-To, of each recipient.
  std::vector<MaildirItem> items;
  std::vector<std::uint32_t> recipients;  ///< Of the items.
  std::vector<Result> results;
};

namespace {

/// Earlier Return-Path fields do not belong to this delivery [RFC5321 4.4].
std::vector<std::string_view> without_return_path(std::string_view content) {
  std::vector<std::string_view> out;
  std::size_t kept_from = 0;
  grammar::HeaderFields fields(content);
  while (const auto field = fields.next()) {
    if (!field->is("Return-Path")) continue;
    const auto begin = static_cast<std::size_t>(field->whole.data() - content.data());
    if (begin > kept_from) out.push_back(content.substr(kept_from, begin - kept_from));
    kept_from = begin + field->whole.size();
  }
  out.push_back(content.substr(kept_from));
  return out;
}

}  // namespace

base::Task<> LocalWorker::run(std::unique_ptr<queue::Entry> entry) {
  while (entry) {
    std::list<Parcel> batch;
    std::size_t octets = 0;
    while (entry && batch.size() < batch_messages_max) {
      prepare(std::move(entry), batch);
      if (!batch.empty()) octets += batch.back().letter.size;
      if (octets >= batch_octets_max) break;
      entry = delivery_.take(hop_);
    }
    std::unique_ptr<queue::Entry> next = std::move(entry);
    co_await deliver(batch);
    entry = next ? std::move(next) : delivery_.take(hop_);
    if (delivery_.stopping_ && entry) {
      delivery_.add(std::move(entry), hop_);
      co_return;
    }
  }
}

/// Reads the message and works out what goes into which mailbox.
void LocalWorker::prepare(std::unique_ptr<queue::Entry> entry, std::list<Parcel>& batch) {
  route::Decision decision;
  std::optional<Letter> letter = delivery_.open(entry, decision);
  if (!letter) return;
  Parcel parcel{.entry = std::move(entry), .letter = std::move(*letter)};
  if (decision.kind == route::NextHopKind::discard) {
    for (const std::uint32_t recipient : parcel.entry->recipients) {
      parcel.results.push_back({recipient, Outcome::delivered, false, "250 2.0.0 discarded", {}});
    }
    batch.push_back(std::move(parcel));
    return;
  }
  if (decision.kind == route::NextHopKind::reject) {
    for (const std::uint32_t recipient : parcel.entry->recipients) {
      parcel.results.push_back({recipient, Outcome::bounced, false,
                                "550 5.7.1 " + base::escaped(decision.target.argument), "5.7.1"});
    }
    batch.push_back(std::move(parcel));
    return;
  }
  LetterContent content(delivery_.world_.spool, parcel.letter);
  for (;;) {
    const auto pieces = content.next();
    if (!pieces) {
      for (const std::uint32_t recipient : parcel.entry->recipients) {
        parcel.results.push_back(
            {recipient, Outcome::deferred, false, "the content cannot be read", "4.3.0"});
      }
      break;
    }
    if (pieces->empty()) break;
    for (const std::string_view piece : *pieces) parcel.read += piece;
  }
  batch.push_back(std::move(parcel));
  Parcel& placed = batch.back();
  if (!placed.results.empty()) return;
  placed.content = without_return_path(placed.read);
  for (const std::uint32_t recipient : placed.entry->recipients) address(placed, recipient);
}

/// Finds the mailbox of one recipient.
void LocalWorker::address(Parcel& parcel, std::uint32_t recipient) {
  const spool::Envelope& envelope = *parcel.letter.envelope;
  const Settings& settings = delivery_.settings();
  const auto path = grammar::ForwardPath::parse(envelope.recipients[recipient].forward_path);
  const auto decision = route::decide(*path, nullptr, {settings.domains, settings.routes});
  const directory::Resolution found = settings.directory->resolve(path->mailbox);
  std::optional<std::string> folder;
  if (found.kind == directory::Resolution::Kind::mailbox) {
    folder = mailbox_directory(decision.target.argument, found.mailbox.local.value(),
                               found.mailbox.domain.text());
  }
  if (!folder) {
    parcel.results.push_back(
        {recipient, Outcome::bounced, false, "550 5.1.1 no such mailbox here any more", "5.1.1"});
    return;
  }
  parcel.fields.push_back("Return-Path: " + envelope.reverse_path +
                          "\r\nDelivered-To: " + found.mailbox.print() + "\r\n");
  MaildirItem item{.directory = std::move(*folder),
                   .unique_name = base::to_string(parcel.letter.id) + "." +
                                  std::to_string(recipient) + "." + settings.hostname,
                   .pieces = {parcel.fields.back()}};
  item.pieces.insert(item.pieces.end(), parcel.content.begin(), parcel.content.end());
  parcel.items.push_back(std::move(item));
  parcel.recipients.push_back(recipient);
}

base::Task<> LocalWorker::deliver(std::list<Parcel>& batch) {
  std::vector<MaildirItem> items;
  for (Parcel& parcel : batch) {
    for (MaildirItem& item : parcel.items) items.push_back(std::move(item));
  }
  Io<std::vector<Io<>>> delivered = std::vector<Io<>>();
  if (!items.empty()) {
    DeliveryWorld& world = delivery_.world_;
    delivered = co_await engine::run_on(world.mailbox_loop, world.loop,
                                        deliver_all(world.mailbox_disk, std::move(items)));
  }
  std::size_t at = 0;
  for (Parcel& parcel : batch) {
    for (const std::uint32_t recipient : parcel.recipients) {
      const Io<> outcome =
          delivered ? (*delivered)[at++] : Io<>(std::unexpected(delivered.error()));
      Result result{.recipient = recipient, .outcome = Outcome::delivered};
      result.reply = "250 2.0.0 delivered";
      if (!outcome) {
        result.outcome = Outcome::deferred;
        result.reply = base::describe(outcome.error());
      }
      parcel.results.push_back(std::move(result));
    }
    co_await delivery_.close(std::move(parcel.entry), parcel.letter, std::move(parcel.results),
                             {.via = hop_.key()});
  }
}

}  // namespace delivery
