#pragma once

#include "dns/message.h"
#include "sys/loop.h"

namespace sys {

/// Asks the DNS. Bounded look-ups in flight (IoErrorCode::busy beyond). Can be cancelled.
class Resolver {
 public:
  virtual ~Resolver() = default;
  /// The answer after following CNAMEs, or IoErrorCode::dns (SERVFAIL, REFUSED, bogus) or
  /// timed_out. NXDOMAIN and "no such type" are answers.
  [[nodiscard]] virtual Now<dns::Answer> resolve(const dns::Question&,
                                                 Completion<dns::Answer>&) = 0;
};

}  // namespace sys
