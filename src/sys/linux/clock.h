#pragma once

#include <memory>

#include "sys/clock.h"

namespace sys::real {

[[nodiscard]] std::unique_ptr<Clock> make_clock();

/// The kernel's generator, read 512 octets at a time.
[[nodiscard]] std::unique_ptr<Random> make_random();

}  // namespace sys::real
