#pragma once

#include "sys/clock.h"
#include "sys/disk.h"
#include "sys/loop.h"
#include "sys/net.h"
#include "sys/programs.h"
#include "sys/resolver.h"
#include "sys/tls.h"
#include "sys/workers.h"

namespace server {

/// All that one server meets the world through. The three loops may be one; in the real world the
/// last two run on threads of their own, since their disks block.
struct World {
  sys::Loop& loop;
  sys::Loop& commit_loop;
  sys::Loop& mailbox_loop;
  sys::Disk& disk;  ///< Completes on `loop`; the next two on theirs.
  sys::Disk& commit_disk;
  sys::Disk& mailbox_disk;
  sys::Clock& clock;
  sys::Random& random;
  sys::Net& net;
  sys::Programs& programs;  ///< Of `loop`, as `net`.
  sys::Resolver& resolver;
  sys::Tls& tls;
  sys::Workers& workers;
};

}  // namespace server
