#pragma once

#include <memory>

#include "sys/linux/loop.h"
#include "sys/linux/spawn.h"
#include "sys/programs.h"

namespace sys::real {

/// Programs whose runs belong to `loop`. Starting one, which may wait for the disk, happens on a
/// thread of its own, made for the first run. From the call on SIGPIPE is ignored in this process
/// and SIGCHLD is not. Destroyed only while nothing runs. `spawn_elsewhere` starts those with
/// Program::run_as; without it they are denied.
[[nodiscard]] std::unique_ptr<Programs> make_programs(RealLoop& loop, Spawner spawn_elsewhere = {});

}  // namespace sys::real
