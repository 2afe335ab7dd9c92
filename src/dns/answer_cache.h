#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>
#include <unordered_map>

#include "base/time.h"
#include "dns/message.h"

namespace dns {

/// Answers that need not be asked for again. Bounded: the ones not used for longest go first.
/// Belongs to one loop.
class AnswerCache {
 public:
  struct Limits {
    std::size_t entries = 20'000;
    std::size_t octets = std::size_t{16} << 20;  ///< Roughly, of all answers.
    std::chrono::seconds ttl_max = std::chrono::hours(24);
    /// How long a failed look-up is not repeated; 0: not kept. [RFC2308 7.1] allows 5 minutes; a
    /// few seconds are enough against a crowd with the same question.
    std::chrono::seconds failure_ttl{5};
  };

  AnswerCache() : AnswerCache(Limits{}) {}
  explicit AnswerCache(const Limits& limits) : limits_(limits) {}

  /// What is known about it, if that still holds at `now`; `ttl` is what is left of it, so that
  /// what is derived from it serves no longer either.
  [[nodiscard]] std::optional<LookupResult> find(const Question& question, base::Instant now);

  /// Keeps a result that was received at `now`: an answer for its TTL (none of 0 is kept).
  void store(const Question& question, const LookupResult& result, base::Instant now);

  void clear();
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Question question;
    LookupResult result;
    base::Instant expires;
    std::size_t octets;
  };
  using Entries = std::list<Entry>;

  void erase(Entries::iterator entry);

  Limits limits_;
  Entries entries_;  ///< Last used first.
  std::unordered_map<Question, Entries::iterator> index_;
  std::size_t octets_ = 0;
};

}  // namespace dns
