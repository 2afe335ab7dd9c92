#include "dns/answer_cache.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dns {
namespace {

std::size_t octets_of(const Data& data) {
  if (const auto* name = std::get_if<Name>(&data)) return name->text().size();
  if (const auto* mx = std::get_if<Mx>(&data)) return mx->exchange.text().size();
  if (const auto* txt = std::get_if<Txt>(&data)) return txt->text.size();
  if (const auto* opaque = std::get_if<Opaque>(&data)) return opaque->octets.size();
  return 0;
}

std::size_t octets_of(const Question& question, const LookupResult& result) {
  // The question stands in the list and in the index.
  std::size_t octets = 256 + 2 * question.name.text().size();
  if (!result) return octets;
  octets += result->canonical.text().size();
  for (const Record& record : result->records) {
    octets += sizeof(Record) + record.owner.text().size() + octets_of(record.data);
  }
  return octets;
}

}  // namespace

std::optional<LookupResult> AnswerCache::find(const Question& question, base::Instant now) {
  const auto found = index_.find(question);
  if (found == index_.end()) return std::nullopt;
  const Entries::iterator entry = found->second;
  if (now >= entry->expires) {
    erase(entry);
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  LookupResult result = entry->result;
  if (result) result->ttl = std::chrono::floor<std::chrono::seconds>(entry->expires - now);
  return result;
}

void AnswerCache::store(const Question& question, const LookupResult& result, base::Instant now) {
  if (const auto found = index_.find(question); found != index_.end()) erase(found->second);
  const auto ttl = result ? std::min(result->ttl, limits_.ttl_max) : limits_.failure_ttl;
  const std::size_t octets = octets_of(question, result);
  if (ttl <= std::chrono::seconds(0) || octets > limits_.octets || limits_.entries == 0) return;
  while (entries_.size() >= limits_.entries || octets_ + octets > limits_.octets) {
    erase(std::prev(entries_.end()));
  }
  entries_.push_front(Entry{question, result, now + ttl, octets});
  index_.emplace(question, entries_.begin());
  octets_ += octets;
}

void AnswerCache::clear() {
  index_.clear();
  entries_.clear();
  octets_ = 0;
}

void AnswerCache::erase(Entries::iterator entry) {
  octets_ -= entry->octets;
  index_.erase(entry->question);
  entries_.erase(entry);
}

}  // namespace dns
