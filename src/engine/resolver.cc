#include "engine/resolver.h"

#include <utility>

namespace engine {

using base::Io;
using base::IoErrorCode;

base::Task<dns::LookupResult> Resolver::resolve(dns::Question question) {
  if (auto known = cache_.find(question, loop_.now())) co_return std::move(*known);
  auto answer = co_await base::operation<Io<dns::Answer>>(
      [&](sys::Completion<dns::Answer>& done) { return resolver_.resolve(question, done); });
  if (answer) {
    cache_.store(question, *answer, loop_.now());
    co_return std::move(*answer);
  }
  const bool timed_out = answer.error().code == IoErrorCode::timed_out;
  const dns::LookupResult failed =
      std::unexpected(timed_out ? dns::LookupError::timed_out : dns::LookupError::server_failure);
  // What we did to ourselves is no knowledge about the name.
  const bool asked = timed_out || answer.error().code == IoErrorCode::dns;
  if (asked) cache_.store(question, failed, loop_.now());
  co_return failed;
}

}  // namespace engine
