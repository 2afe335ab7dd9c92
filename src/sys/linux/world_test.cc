#include "sys/linux/world.h"

#include <gtest/gtest.h>

namespace sys::real {
namespace {

TEST(RealWorld, is_made_and_unmade_without_being_used) {
  RealWorld world({}, {.threads = 1});
  EXPECT_NE(world.clock->wall(), base::WallTime{});
}

TEST(RealWorld, further_loops_have_threads_of_their_own) {
  RealWorld world({}, {.threads = 1});
  LoopThread second("second");
  const auto net = make_net(second.loop());
  struct Note : base::Posted {
    RealLoop* home = nullptr;
    std::thread::id ran_on;
  } note;
  note.home = &world.loop;
  note.run = [](base::Posted& posted) noexcept {
    auto& self = static_cast<Note&>(posted);
    self.ran_on = std::this_thread::get_id();
    self.home->stop();
  };
  second.loop().post(note, note);
  world.loop.run();
  EXPECT_NE(note.ran_on, std::this_thread::get_id());
}

}  // namespace
}  // namespace sys::real
