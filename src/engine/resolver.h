#pragma once

#include "base/task.h"
#include "dns/answer_cache.h"
#include "sys/loop.h"
#include "sys/resolver.h"

namespace engine {

/// The DNS of one loop: answers come from the cache while their TTL lasts.
class Resolver {
 public:
  Resolver(sys::Resolver& resolver, sys::Loop& loop) : resolver_(resolver), loop_(loop) {}

  /// `question` by value: it lives in the coroutine. Whatever keeps an answer from us (a full line
  /// of look-ups, stopping) is a server_failure, which is temporary.
  [[nodiscard]] base::Task<dns::LookupResult> resolve(dns::Question question);

 private:
  sys::Resolver& resolver_;
  sys::Loop& loop_;
  dns::AnswerCache cache_;
};

}  // namespace engine
