#pragma once

#include <cstddef>
#include <memory>

#include "sys/workers.h"

namespace sys::real {

struct WorkerOptions {
  std::size_t threads = 0;  ///< 0: as many as cores.
  std::size_t line = 64;    ///< Jobs that may wait beyond those that run.
};

/// Destroyed only while no job is waiting or running; joins its threads.
[[nodiscard]] std::unique_ptr<Workers> make_workers(const WorkerOptions& options = {});

}  // namespace sys::real
