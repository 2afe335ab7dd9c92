#include "delivery/trace_notes.h"

#include <gtest/gtest.h>

#include "sys/clock.h"
#include "trace/find.h"

namespace delivery {
namespace {

using namespace std::chrono_literals;

class StandingClock final : public sys::Clock {
 public:
  [[nodiscard]] base::WallTime wall() const override {
    return base::WallTime(std::chrono::milliseconds(1'764'064'800'000));
  }
};

/// Nobody writes into the log: nothing is posted.
class NoLoop final : public sys::Loop {
 public:
  void post(base::Posted&, base::Posted&) noexcept override { ADD_FAILURE() << "an event"; }
  sys::Now<> sleep_until(base::Instant, sys::Completion<>&) override { return std::nullopt; }
  [[nodiscard]] base::Instant now() const override { return {}; }
};

class TraceNotesTest : public ::testing::Test {
 protected:
  TraceNotesTest() {
    log.set_trace(
        [this](base::MessageId id, std::string_view json) { records.emplace_back(id, json); });
  }

  StandingClock clock;
  NoLoop loop;
  engine::EventLog log{engine::Event::Format::text, clock, loop, [](std::string_view) {}};
  TraceNotes notes{log};
  std::vector<std::pair<base::MessageId, std::string>> records;
};

const std::string time = R"({"time":"2025-11-25T10:00:00.000Z",)";
const std::vector<route::Host> hosts = {
    {.preference = 10, .name = "one.test", .addresses = {base::IpAddress::v4({192, 0, 2, 1})}},
    {.preference = 20, .name = "two.test", .addresses = {base::IpAddress::v4({192, 0, 2, 2})}}};

TEST_F(TraceNotesTest, decisions_carry_their_reasons_escaped) {
  notes.routed({1}, "b@b.test", "mx:b.test", {{"MX", "nothing else\ndecides"}, {"a", "\"b\""}});
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].first.value, 1u);
  EXPECT_EQ(records[0].second,
            time + R"("event":"routed","id":"0000000000001","to":"b@b.test","via":"mx:b.test",)"
                   R"("steps":[{"what":"MX","why":"nothing else\\x0adecides"},)"
                   R"({"what":"a","why":"\"b\""}]})");
}

TEST_F(TraceNotesTest, what_belongs_to_a_next_hop_is_recorded_for_it) {
  notes.unreached({.host = "b.test", .address = "192.0.2.9:25", .via = "mx:b.test"},
                  "connection refused", clock.wall() - 1s, clock.wall() + 60s);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].first, trace::hop_id("mx:b.test"));
  EXPECT_EQ(records[0].second,
            R"({"time":"2025-11-25T09:59:59.000Z","event":"unreached","via":"mx:b.test",)"
            R"("host":"b.test","address":"192.0.2.9:25","tls":null,"reply":"connection refused",)"
            R"("next_attempt":"2025-11-25T10:01:00.000Z"})");
}

TEST_F(TraceNotesTest, where_a_next_hop_leads_is_told_when_it_is_new_and_after_an_hour) {
  const base::Instant start{1h};
  std::vector<route::Host> others = {hosts[1], hosts[0]};  // The same, in another order.
  notes.found("mx:b.test", hosts, {}, start);
  notes.found("mx:b.test", hosts, {}, start + 1min);
  notes.found("mx:b.test", others, {}, start + 1h - 1ns);
  EXPECT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].second,
            time + R"("event":"found","via":"mx:b.test","hosts":[{"preference":10,)"
                   R"("name":"one.test","addresses":["192.0.2.1"]},{"preference":20,)"
                   R"("name":"two.test","addresses":["192.0.2.2"]}],"steps":[]})");
  notes.found("mx:b.test", hosts, {}, start + 1h);
  EXPECT_EQ(records.size(), 2u);
  others.pop_back();
  notes.found("mx:b.test", others, {}, start + 1h);
  notes.found("mx:c.test", others, {}, start + 1h);
  EXPECT_EQ(records.size(), 4u);
}

TEST_F(TraceNotesTest, without_a_trace_nothing_is_wanted) {
  log.set_trace({});
  EXPECT_FALSE(notes.wanted());
  notes.routed({1}, "b@b.test", "mx:b.test", {});
  EXPECT_TRUE(records.empty());
}

}  // namespace
}  // namespace delivery
