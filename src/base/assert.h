#pragma once

namespace base {
/// Prints the broken invariant on stderr and stops the process; recovery starts clean.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;
}  // namespace base

/// States an invariant of our own code; never about input. Stays on in release builds.
#define PH_ASSERT(expression) \
  ((expression) ? void(0) : ::base::assertion_failed(#expression, __FILE__, __LINE__))
