#include "delivery/delivery_testing.h"

namespace delivery {
namespace {

using namespace std::chrono_literals;

class ReloadTest : public testing::Test {
 protected:
  ReloadTest()
      : z(world, "z.test", "192.0.2.3"),
        y(world, "y.test", "192.0.2.4"),
        o(world, "o.test", "192.0.2.5"),
        office(world) {
    y.open();
    o.open();
  }
  void TearDown() override { office.close(); }

  base::MessageId post() { return office.post({{.forward_path = "<u@z.test>"}}); }
  void route_to(std::string_view via) {
    office.settings.routes = route::RouteTable(
        {{.recipient = *route::AddressPattern::parse("z.test"), .via = *route::parse_via(via)}});
  }

  sim::World world{3};
  FakeHost z, y, o;
  Office office;
};

TEST_F(ReloadTest, what_waits_for_a_dead_next_hop_goes_where_routes_lead_by_then) {
  office.open();
  for (int i = 0; i < 200; ++i) post();
  office.run_for(1h);
  ASSERT_NE(office.delivery().find_hop("mx:z.test"), nullptr);
  route_to("smtp://y.test:25");
  office.reload();
  office.run_for(1min);
  EXPECT_EQ(y.contents.size(), 200u);
  EXPECT_EQ(office.delivery().find_hop("mx:z.test"), nullptr);
  EXPECT_EQ(office.queued(), 0u);
}

TEST_F(ReloadTest, what_comes_back_from_an_attempt_goes_by_the_new_routes) {
  office.open();
  world.link(office.machine(), z.machine()).time_out_per_mille = 1'000;
  post();
  office.run_for(5s);
  route_to("smtp://y.test:25");
  office.reload();
  office.run_for(10min);
  EXPECT_EQ(y.contents.size(), 1u);
}

TEST_F(ReloadTest, new_times_hold_for_what_is_queued) {
  office.open();
  const auto id = post();
  office.run_for(2h);
  office.settings.queue.expire = 3h;
  office.settings.queue.warn_after = 150min;
  office.reload();
  office.run_for(29min);
  EXPECT_EQ(o.contents.size(), 0u);
  office.run_for(2min);
  EXPECT_EQ(o.contents.size(), 1u) << "the delay";
  office.run_for(30min);
  EXPECT_EQ(o.contents.size(), 2u) << "the end";
  EXPECT_EQ(office.states(id), "gone");
}

TEST_F(ReloadTest, settings_without_a_schedule_leave_that_in_force) {
  office.open();
  post();
  office.run_for(10s);
  office.settings.queue.retry.clear();
  office.reload();
  z.open();
  office.run_for(2min);
  EXPECT_EQ(z.contents.size(), 1u);
}

TEST_F(ReloadTest, old_settings_go_with_the_last_worker_that_began_under_them) {
  office.open();
  z.dot_delay = 30s;
  z.open();
  post();
  office.run_for(5s);
  std::weak_ptr<const Settings> old = office.delivery().current_settings();
  office.reload();
  office.run_for(5s);
  EXPECT_FALSE(old.expired()) << "an attempt is under way";
  office.run_for(1min);
  EXPECT_TRUE(old.expired());
  EXPECT_EQ(z.contents.size(), 1u);
}

TEST_F(ReloadTest, one_reload_after_the_other_ends_with_the_last) {
  office.open();
  for (int i = 0; i < 300; ++i) post();
  office.run_for(1h);
  for (int i = 0; i < 5; ++i) {
    route_to(i % 2 == 0 ? "smtp://y.test:25" : "discard:");
    office.reload();
  }
  office.run_for(1min);
  EXPECT_EQ(y.contents.size(), 300u);
}

}  // namespace
}  // namespace delivery
