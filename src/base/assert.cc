#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace base {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "posthaste: broken invariant: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace base
