#pragma once

#include "sys/linux/clock.h"
#include "sys/linux/disk.h"
#include "sys/linux/loop.h"
#include "sys/linux/net.h"
#include "sys/linux/programs.h"
#include "sys/linux/resolver.h"
#include "sys/linux/tls.h"
#include "sys/linux/workers.h"

namespace sys::real {

/// Everything of `sys` for one process, with one loop on the thread that calls loop.run(). Further
/// loops are a LoopThread each, with a Net and a Resolver of their own; the rest may be shared.
struct RealWorld {
  explicit RealWorld(const ResolverOptions& resolver_options = {},
                     const WorkerOptions& worker_options = {})
      : workers(make_workers(worker_options)), resolver(make_resolver(loop, resolver_options)) {}

  RealLoop loop;
  std::unique_ptr<Clock> clock = make_clock();
  std::unique_ptr<Random> random = make_random();
  std::unique_ptr<Disk> disk = make_disk();
  std::unique_ptr<Tls> tls = make_tls();
  std::unique_ptr<Workers> workers;
  std::unique_ptr<Net> net = make_net(loop);
  std::unique_ptr<Programs> programs = make_programs(loop);
  std::unique_ptr<Resolver> resolver;
};

}  // namespace sys::real
