#include "delivery/local_worker.h"

#include <utility>

#include "delivery/local_kind.h"
#include "delivery/local_target.h"

namespace delivery {

bool is_local_hop(std::string_view key) { return find_local_kind(key) != nullptr; }

LocalWorker::LocalWorker(Delivery& delivery, queue::NextHop& hop)
    : delivery_(delivery), hop_(hop), kind_(*find_local_kind(hop.key())) {}

base::Task<> LocalWorker::run(std::unique_ptr<queue::Entry> entry) {
  while (entry) {
    const std::shared_ptr<const Settings> settings = delivery_.current_settings();
    std::list<Parcel> batch;
    std::size_t octets = 0;
    while (entry && batch.size() < kind_.messages_max && octets < kind_.octets_max) {
      const std::size_t known = batch.size();
      prepare(std::move(entry), *settings, batch);
      if (batch.size() > known) octets += batch.back().letter.size;
      entry = batch.size() < kind_.messages_max ? delivery_.take(hop_) : nullptr;
    }
    std::unique_ptr<queue::Entry> next = std::move(entry);
    co_await deliver(batch, settings);
    entry = next ? std::move(next) : delivery_.take(hop_);
    if (delivery_.stopping_ && entry) {
      delivery_.add(std::move(entry), hop_);
      co_return;
    }
  }
}

/// Reads the message and works out where it goes.
void LocalWorker::prepare(std::unique_ptr<queue::Entry> entry, const Settings& settings,
                          std::list<Parcel>& batch) {
  route::Decision decision;
  std::optional<Letter> letter = delivery_.open(entry, decision);
  if (!letter) return;
  if (kind_.one_recipient) take_apart(*entry);
  Parcel& parcel =
      batch.emplace_back(Parcel{.entry = std::move(entry), .letter = std::move(*letter)});
  find_targets(parcel, settings, kind_.into_mailboxes);
}

/// All recipients but the first get an entry of their own.
void LocalWorker::take_apart(queue::Entry& entry) {
  const std::vector<std::uint32_t> recipients = std::move(entry.recipients);
  entry.recipients = {recipients.front()};
  for (std::size_t i = 1; i < recipients.size(); ++i) {
    auto other = std::make_unique<queue::Entry>(entry);
    other->hop = nullptr;
    other->recipients = {recipients[i]};
    delivery_.add(std::move(other), hop_);
  }
}

base::Task<> LocalWorker::deliver(std::list<Parcel>& batch,
                                  std::shared_ptr<const Settings> settings) {
  const std::unique_ptr<LocalKind> kind = kind_.make(delivery_.world_, std::move(settings));
  co_await kind->deliver(batch);
  for (Parcel& parcel : batch) {
    co_await delivery_.close(std::move(parcel.entry), parcel.letter, std::move(parcel.results),
                             {.via = hop_.key()});
  }
}

}  // namespace delivery
