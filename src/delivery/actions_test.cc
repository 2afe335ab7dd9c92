#include "delivery/delivery_testing.h"

namespace delivery {
namespace {

using namespace std::chrono_literals;

/// One recipient's host, one originator's, and the queue between them.
class ActionsTest : public testing::Test {
 protected:
  ActionsTest() : z(world, "z.test", "192.0.2.3"), o(world, "o.test", "192.0.2.5"), office(world) {
    o.open();
  }
  void TearDown() override { office.close(); }

  base::MessageId post() { return office.post({{.forward_path = "<u@z.test>"}}); }

  sim::World world{1};
  FakeHost z, o;
  Office office;
};

TEST_F(ActionsTest, what_is_held_is_not_tried_also_after_a_power_cut_until_it_is_released) {
  office.open();
  const auto id = post();
  office.run_for(10s);
  EXPECT_EQ(office.act(QueueAction::hold, id, {0}), 1u);
  EXPECT_EQ(office.states(id), "held");
  EXPECT_EQ(office.act(QueueAction::hold, id, {0}), 0u) << "it is held already";
  EXPECT_EQ(office.act(QueueAction::retry, id, {0}), 0u) << "and stays so";
  z.open();
  office.run_for(2h);
  office.crash();
  office.run_for(2h);
  EXPECT_EQ(z.connections, 0);
  EXPECT_EQ(office.act(QueueAction::release, id, {0}), 1u);
  office.run_for(20min);
  EXPECT_EQ(z.contents.size(), 1u);
  EXPECT_EQ(office.states(id), "gone");
  EXPECT_EQ(office.events("held"), 1u);
  EXPECT_EQ(office.events("released"), 1u);
}

TEST_F(ActionsTest, some_recipients_of_a_message_are_held_and_the_others_are_not) {
  office.open();
  const auto id = office.post({{.forward_path = "<a@z.test>"}, {.forward_path = "<b@z.test>"}});
  office.run_for(10s);
  EXPECT_EQ(office.act(QueueAction::hold, id, {1}), 1u);
  z.open();
  office.run_for(1h);
  EXPECT_EQ(z.contents.size(), 1u);
  EXPECT_EQ(office.states(id), "delivered held");
  EXPECT_EQ(office.act(QueueAction::release, id, {0, 1}), 1u);
  office.run_for(1h);
  EXPECT_EQ(office.states(id), "gone");
  EXPECT_EQ(z.contents.size(), 2u);
}

TEST_F(ActionsTest, what_is_dropped_is_gone_and_nobody_is_told) {
  office.open();
  const auto id = post();
  office.run_for(10s);
  EXPECT_EQ(office.act(QueueAction::drop, id, {0}), 1u);
  EXPECT_EQ(office.states(id), "gone");
  EXPECT_EQ(office.act(QueueAction::drop, id, {0}), 0u);
  z.open();
  office.crash();
  office.run_for(2h);
  EXPECT_EQ(z.connections, 0);
  EXPECT_EQ(o.contents.size(), 0u);
  EXPECT_EQ(office.events("dropped"), 1u);
}

TEST_F(ActionsTest, what_is_bounced_is_reported_at_once_with_the_last_reply) {
  office.open();
  z.reply = [](const std::string& line) {
    return line.starts_with("RCPT") ? "451 4.3.0 come back" : "";
  };
  z.open();
  const auto id = post();
  office.run_for(10s);
  EXPECT_EQ(office.states(id), "deferred");
  EXPECT_EQ(office.act(QueueAction::bounce, id, {0}), 1u);
  EXPECT_EQ(office.states(id), "gone");
  office.run_for(10s);
  ASSERT_EQ(o.contents.size(), 1u);
  EXPECT_NE(o.contents[0].find("last reply was: 451 4.3.0 come back"), std::string::npos)
      << o.contents[0];
  EXPECT_NE(o.contents[0].find("Action: failed\r\n"), std::string::npos);
  EXPECT_EQ(office.events("bounced"), 1u);
  EXPECT_EQ(office.queued(), 0u);
}

TEST_F(ActionsTest, a_held_recipient_is_bounced_or_dropped_as_well) {
  office.open();
  const auto id = office.post({{.forward_path = "<a@z.test>"}, {.forward_path = "<b@z.test>"}});
  office.run_for(10s);
  EXPECT_EQ(office.act(QueueAction::hold, id, {0, 1}), 2u);
  EXPECT_EQ(office.act(QueueAction::bounce, id, {0}), 1u);
  EXPECT_EQ(office.states(id), "bounced held");
  EXPECT_EQ(office.act(QueueAction::drop, id, {0, 1}), 1u);
  EXPECT_EQ(office.states(id), "gone");
  office.run_for(10s);
  EXPECT_EQ(o.contents.size(), 1u);
}

TEST_F(ActionsTest, a_reroute_holds_over_a_power_cut) {
  FakeHost y(world, "y.test", "192.0.2.4");
  office.open();
  const auto id = post();
  office.run_for(10s);
  EXPECT_EQ(office.act(QueueAction::reroute, id, {0}, "no target"), 0u);
  EXPECT_EQ(office.act(QueueAction::reroute, id, {0}, "smtp://y.test:25"), 1u);
  office.run_for(10s);
  EXPECT_EQ(office.delivery().find_hop("mx:z.test"), nullptr) << "nothing waits for it any more";
  office.crash();
  office.run_for(10s);
  z.open();
  y.open();
  office.run_for(1h);
  EXPECT_EQ(z.connections, 0);
  EXPECT_EQ(y.contents.size(), 1u);
  EXPECT_EQ(office.queued(), 0u);
}

TEST_F(ActionsTest, a_retry_ends_the_back_off) {
  office.open();
  const auto id = post();
  office.run_for(30min);  // Refused some times: the next one is far away.
  z.open();
  EXPECT_EQ(office.act(QueueAction::retry, id, {0}), 1u);
  office.run_for(5s);
  EXPECT_EQ(z.contents.size(), 1u);
}

TEST_F(ActionsTest, a_retry_while_the_first_attempt_fails_is_not_lost) {
  office.open();
  // Nobody answers: the attempt lasts, and fails.
  sim::Link& link = world.link(office.machine(), z.machine());
  link.time_out_per_mille = 1'000;
  const auto id = post();
  office.run_for(5s);
  EXPECT_EQ(office.states(id), "ready");
  link.time_out_per_mille = 0;
  z.open();
  EXPECT_EQ(office.act(QueueAction::retry, id, {0}), 1u);
  const base::Instant retried = world.now();
  EXPECT_EQ(world.run_while([&] { return z.contents.empty(); }, 1h), sim::Ran::done);
  EXPECT_LT(world.now() - retried, 140s) << "as soon as the attempt had failed";
}

TEST_F(ActionsTest, a_retry_while_a_transaction_fails_gives_one_more_at_once) {
  office.open();
  bool ready = false;
  z.reply = [&](const std::string& line) { return line == "." && !ready ? "451 4.3.0 wait" : ""; };
  z.dot_delay = 20s;
  z.open();
  const auto id = post();
  office.run_for(10s);
  EXPECT_EQ(office.act(QueueAction::retry, id, {0}), 1u);
  office.run_for(11s);
  EXPECT_EQ(office.statuses(id)[0].attempts, 1u);
  ready = true;
  office.run_for(25s);
  EXPECT_EQ(z.contents.size(), 1u);
}

/// An action during an attempt that fails for now.
class InFlight : public ActionsTest, public testing::WithParamInterface<QueueAction> {};

TEST_P(InFlight, what_is_being_attempted_is_acted_upon_when_the_attempt_has_ended) {
  office.open();
  z.reply = [&](const std::string& line) { return line == "." ? "451 4.3.0 wait" : ""; };
  z.dot_delay = 20s;
  z.open();
  const auto id = post();
  office.run_for(10s);
  EXPECT_EQ(office.act(GetParam(), id, {0}), 1u);
  EXPECT_EQ(office.states(id), "held") << "so that a crash does not put it back into the queue";
  office.run_for(20s);
  const bool held = GetParam() == QueueAction::hold;
  EXPECT_EQ(office.states(id), held ? "held" : "gone");
  if (held) EXPECT_EQ(office.statuses(id)[0].last_reply, "451 4.3.0 wait");
  z.dot_delay = 0s;
  z.reply = nullptr;
  office.run_for(2h);
  EXPECT_EQ(z.contents.size(), 0u);
  EXPECT_EQ(o.contents.size(), GetParam() == QueueAction::bounce ? 1u : 0u);
  EXPECT_EQ(office.queued(), held ? 1u : 0u);
  if (!held) return;
  EXPECT_EQ(office.act(QueueAction::release, id, {0}), 1u);
  office.run_for(1min);
  EXPECT_EQ(z.contents.size(), 1u);
}

TEST_P(InFlight, what_is_delivered_meanwhile_is_delivered) {
  office.open();
  z.dot_delay = 20s;
  z.open();
  const auto id = post();
  office.run_for(10s);
  EXPECT_EQ(office.act(GetParam(), id, {0}), 1u);
  office.run_for(20s);
  EXPECT_EQ(office.states(id), "gone");
  EXPECT_EQ(z.contents.size(), 1u);
  office.run_for(1h);
  EXPECT_EQ(office.events("delivered"), 1u);
  EXPECT_EQ(o.contents.size(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Actions, InFlight,
                         testing::Values(QueueAction::hold, QueueAction::drop,
                                         QueueAction::bounce));

TEST_F(ActionsTest, a_hold_during_an_attempt_that_cannot_reach_its_next_hop_applies_then) {
  office.open();
  world.link(office.machine(), z.machine()).time_out_per_mille = 1'000;
  const auto id = post();
  office.run_for(5s);
  EXPECT_EQ(office.act(QueueAction::hold, id, {0}), 1u);
  office.run_for(10min);
  world.link(office.machine(), z.machine()).time_out_per_mille = 0;
  z.open();
  office.run_for(10h);
  EXPECT_EQ(z.connections, 0);
  EXPECT_EQ(office.states(id), "held");
  EXPECT_EQ(office.act(QueueAction::release, id, {0}), 1u);
  office.run_for(1min);
  EXPECT_EQ(z.contents.size(), 1u);
}

TEST_F(ActionsTest, a_reroute_during_an_attempt_applies_when_it_has_failed) {
  FakeHost y(world, "y.test", "192.0.2.4");
  y.open();
  office.open();
  world.link(office.machine(), z.machine()).time_out_per_mille = 1'000;
  const auto id = post();
  office.run_for(5s);
  EXPECT_EQ(office.act(QueueAction::reroute, id, {0}, "smtp://y.test:25"), 1u);
  office.run_for(10min);
  EXPECT_EQ(y.contents.size(), 1u);
  EXPECT_EQ(office.queued(), 0u);
}

TEST_F(ActionsTest, a_queue_that_does_not_run_takes_every_action) {
  office.open();
  std::vector<base::MessageId> ids;
  for (int i = 0; i < 6; ++i) ids.push_back(post());
  office.run_for(2h);
  office.close();
  office.open(false);
  EXPECT_EQ(office.act(QueueAction::hold, ids[0], {0}), 1u);
  EXPECT_EQ(office.act(QueueAction::hold, ids[1], {0}), 1u);
  EXPECT_EQ(office.act(QueueAction::release, ids[1], {0}), 1u);
  EXPECT_EQ(office.act(QueueAction::bounce, ids[2], {0}), 1u);
  EXPECT_EQ(office.act(QueueAction::drop, ids[3], {0}), 1u);
  EXPECT_EQ(office.act(QueueAction::reroute, ids[4], {0}, "discard:"), 1u);
  EXPECT_EQ(office.act(QueueAction::retry, ids[5], {0}), 1u);
  EXPECT_EQ(office.states(ids[2]), "gone");
  office.close();
  z.open();
  office.open();
  office.run_for(10s);
  EXPECT_EQ(z.contents.size(), 2u) << "what was released and what was retried, at once";
  EXPECT_EQ(o.contents.size(), 1u);
  EXPECT_EQ(office.queued(), 1u);
  EXPECT_EQ(office.states(ids[0]), "held");
}

TEST_F(ActionsTest, what_there_is_not_is_passed_over) {
  office.open();
  const auto id = post();
  EXPECT_EQ(office.act(QueueAction::hold, {id.value + 1}, {0}), 0u);
  EXPECT_EQ(office.act(QueueAction::hold, id, {1, 7, 4'000'000}), 0u);
  EXPECT_EQ(office.act(QueueAction::release, id, {0}), 0u);
  EXPECT_EQ(office.act(QueueAction::hold, id, {0, 0, 0}), 1u);
}

}  // namespace
}  // namespace delivery
