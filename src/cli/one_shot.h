#pragma once

#include <utility>

#include "base/group.h"
#include "engine/timers.h"
#include "sys/linux/loop.h"

namespace cli {
namespace detail {

inline base::Task<> run_then_stop(base::Task<> task, sys::real::RealLoop& loop,
                                  engine::Timers& timers) {
  co_await std::move(task);
  timers.stop();
  while (!timers.idle()) co_await sys::Yield(loop);
  loop.stop();
}

}  // namespace detail

/// Runs one task on a loop until it has ended. Nothing of `timers` expires afterwards.
inline void run_once(sys::real::RealLoop& loop, engine::Timers& timers, base::Task<> task) {
  base::Group group;
  group.spawn(detail::run_then_stop(std::move(task), loop, timers));
  loop.run();
}

}  // namespace cli
