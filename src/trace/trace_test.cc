#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/group.h"
#include "sim/disk.h"
#include "trace/find.h"
#include "trace/recorder.h"
#include "trace/segments.h"

namespace trace {
namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

constexpr base::WallTime start{std::chrono::milliseconds(1'750'000'000'000)};

class TestClock final : public sys::Clock {
 public:
  [[nodiscard]] base::WallTime wall() const override { return now; }
  base::WallTime now = start;
};

base::MessageId id_at(base::WallTime time, std::uint64_t low = 1) {
  return {(static_cast<std::uint64_t>(time.time_since_epoch().count()) << 20) | low};
}

class TraceTest : public testing::Test {
 protected:
  TraceTest() { begin(); }

  void begin() {
    recorder.emplace(disk, clock, options);
    run(recorder->open());
  }
  /// The simulated disk completes at once.
  static void run(base::Task<> task) {
    base::Group group;
    group.spawn(std::move(task));
    ASSERT_EQ(group.size(), 0u);
  }
  void record(base::MessageId id, std::string_view text) {
    recorder->add(id, text);
    run(recorder->write());
  }
  Texts found(base::MessageId id) {
    auto texts = find(disk, "/t", id);
    EXPECT_TRUE(texts);
    return texts.value_or(Texts());
  }
  std::size_t segments() { return list_segments(disk, "/t")->size(); }

  sim::SimDisk disk{1};
  TestClock clock;
  Options options{.directory = "/t", .keep = 24h, .octets_max = 1u << 20, .segment_octets = 1'000};
  std::optional<Recorder> recorder;
};

TEST_F(TraceTest, gives_the_records_of_one_message_in_order) {
  const auto a = id_at(start, 1);
  const auto b = id_at(start, 2);
  recorder->add(a, "received");
  recorder->add(b, "other");
  recorder->add(a, "");
  run(recorder->write());
  record(a, "delivered");
  EXPECT_EQ(found(a), (Texts{"received", "", "delivered"}));
  EXPECT_EQ(found(b), (Texts{"other"}));
  EXPECT_EQ(found(id_at(start, 3)), Texts());
}

TEST_F(TraceTest, finds_records_over_many_segments_by_their_indexes) {
  std::map<base::MessageId, Texts> want;
  for (std::uint64_t round = 0; round < 40; ++round) {
    for (std::uint64_t low = 1; low <= 10; ++low) {
      const auto id = id_at(start, low);
      const std::string text = std::to_string(round) + std::string(low * 3, 'x');
      recorder->add(id, text);
      want[id].push_back(text);
    }
    run(recorder->write());
    clock.now += 1ms;
  }
  EXPECT_GT(segments(), 5u);
  for (const auto& [id, texts] : want) EXPECT_EQ(found(id), texts);
  EXPECT_EQ(recorder->lost(), 0u);
}

TEST_F(TraceTest, goes_on_after_a_restart) {
  record(id_at(start), "one");
  disk.kill();
  begin();
  EXPECT_TRUE(disk.exists("/t/" + list_segments(disk, "/t")->front().index()).value());
  record(id_at(start), "two");
  EXPECT_EQ(found(id_at(start)), (Texts{"one", "two"}));
}

TEST_F(TraceTest, a_clock_that_goes_back_makes_no_name_twice) {
  record(id_at(start), "one");
  disk.kill();
  clock.now -= 1h;
  begin();
  record(id_at(start), "two");
  EXPECT_EQ(segments(), 2u);
  EXPECT_EQ(found(id_at(start)), (Texts{"one", "two"}));
}

TEST_F(TraceTest, what_a_power_cut_leaves_is_whole_records_and_never_stops_the_next_run) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    sim::SimDisk torn(seed);
    Recorder first(torn, clock, options);
    run(first.open());
    Texts all;
    for (int i = 0; i < 100; ++i) {
      all.push_back(std::to_string(i) + std::string(40, 'y'));
      first.add(id_at(start), all.back());
      run(first.write());
    }
    torn.power_cut();
    Recorder second(torn, clock, options);
    run(second.open());
    second.add(id_at(start), "after");
    run(second.write());
    const auto texts = find(torn, "/t", id_at(start));
    ASSERT_TRUE(texts);
    ASSERT_FALSE(texts->empty()) << seed;
    EXPECT_EQ(texts->back(), "after");
    for (const std::string& text : *texts) {
      EXPECT_TRUE(text == "after" || std::ranges::count(all, text) == 1) << seed;
    }
  }
}

TEST_F(TraceTest, is_bounded_in_size) {
  options.octets_max = 5'000;
  begin();
  for (int i = 0; i < 500; ++i) record(id_at(start, static_cast<std::uint64_t>(i) + 1), "text");
  EXPECT_LE(disk.used(), 16u * 4'096u);  // Each small file takes a block.
  EXPECT_LE(segments(), 7u);
  EXPECT_EQ(found(id_at(start, 500)), (Texts{"text"}));
  EXPECT_EQ(found(id_at(start, 1)), Texts());
}

TEST_F(TraceTest, is_bounded_in_age) {
  const std::string large(1'000, 'x');
  record(id_at(start, 1), large);
  clock.now += 23h;
  record(id_at(start, 2), large);
  EXPECT_EQ(segments(), 2u);
  clock.now += 25h;
  record(id_at(start, 3), large);
  EXPECT_EQ(found(id_at(start, 1)), Texts());
  EXPECT_EQ(found(id_at(start, 3)).size(), 1u);
}

TEST_F(TraceTest, any_single_fault_costs_records_and_not_the_trace) {
  for (std::uint64_t fault = 0;; ++fault) {
    sim::SimDisk failing(fault);
    failing.fail_at(fault, {base::IoErrorCode::failed, 5});
    Recorder one(failing, clock, options);
    run(one.open());
    for (int i = 0; i < 60; ++i) {
      one.add(id_at(start), "text " + std::to_string(i));
      run(one.write());
    }
    const bool reached = failing.fault_reached();
    failing.never_fail();
    one.add(id_at(start), "last");
    run(one.write());
    const auto texts = find(failing, "/t", id_at(start));
    ASSERT_TRUE(texts) << fault;
    EXPECT_GE(texts->size() + one.lost(), 61u) << fault;
    EXPECT_EQ(texts->back(), "last") << fault;
    if (!reached) break;
  }
}

TEST_F(TraceTest, a_full_disk_loses_records_until_there_is_room) {
  disk.set_capacity(disk.used());
  record(id_at(start), "lost");
  EXPECT_EQ(recorder->lost(), 1u);
  disk.set_capacity(std::nullopt);
  record(id_at(start), "kept");
  EXPECT_EQ(found(id_at(start)), (Texts{"kept"}));
}

TEST_F(TraceTest, bounds) {
  recorder->add(id_at(start), std::string(record_octets_max + 1, 'x'));
  EXPECT_EQ(recorder->lost(), 1u);
  EXPECT_FALSE(recorder->has_work());
  for (int i = 0; i < 33; ++i) recorder->add(id_at(start), std::string(record_octets_max, 'x'));
  EXPECT_EQ(recorder->lost(), 3u);
}

TEST_F(TraceTest, an_index_in_part_is_none) {
  record(id_at(start), std::string(1'000, 'x'));
  const std::string index = "/t/" + list_segments(disk, "/t")->front().index();
  const std::string whole = *disk.contents(index);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    disk.put(index, whole.substr(0, cut));
    EXPECT_EQ(found(id_at(start)).size(), 1u) << cut;
  }
}

TEST_F(TraceTest, damage_is_not_given_out) {
  record(id_at(start), "first");
  record(id_at(start), "second");
  const std::string path = "/t/" + list_segments(disk, "/t")->front().records();
  const std::size_t size = disk.contents(path)->size();
  for (std::size_t at = 0; at < size; ++at) {
    disk.damage(path, at, 0x10);
    for (const std::string& text : found(id_at(start))) {
      EXPECT_TRUE(text == "first" || text == "second") << at;
    }
    disk.damage(path, at, 0x10);
  }
  EXPECT_EQ(found(id_at(start)).size(), 2u);
}

TEST(segment_name, has_one_spelling) {
  const SegmentName name{start};
  EXPECT_EQ(SegmentName::parse(name.records())->time, start);
  for (const std::string_view other :
       {"", "x.trace", "00000197743e9000.index", "00000197743E9000.trace", "0x000197743e9000.trace",
        "-0000197743e9000.trace", "00000197743e900.trace"}) {
    EXPECT_FALSE(SegmentName::parse(other)) << other;
  }
}

TEST_F(TraceTest, the_newest_records_of_a_next_hop_are_found_over_segments) {
  const auto hop = hop_id("mx:z.test");
  const auto other = hop_id("mx:u.test");
  EXPECT_NE(hop, other);
  EXPECT_GT(hop, id_at(start + 24h * 365 * 200));
  for (int i = 0; i < 40; ++i) {
    clock.now += 1min;
    record(hop, "probe " + std::to_string(i) + std::string(100, ' '));
    record(id_at(clock.now), "received");
  }
  record(other, "probe");
  ASSERT_GT(segments(), 2u);
  const base::MessageId ids[] = {hop, other, hop_id("mx:nobody.test")};
  const auto probes = [&](base::WallTime since, std::size_t most) {
    const auto records = find_newest(disk, "/t", ids, since, most);
    EXPECT_TRUE(records);
    EXPECT_EQ(records->at(other), (Texts{"probe"}));
    Texts out;
    for (const std::string& text : records->at(hop)) out.push_back(text.substr(0, 8));
    return out;
  };
  EXPECT_EQ(probes(start, 3), (Texts{"probe 37", "probe 38", "probe 39"}));
  EXPECT_EQ(probes(start, 1'000).size(), 40u);
  EXPECT_EQ(probes(start, 1'000).front(), "probe 0 ");
  EXPECT_LT(probes(clock.now - 5min, 1'000).size(), 20u);
  EXPECT_GE(probes(clock.now - 5min, 1'000).size(), 5u);
}

}  // namespace
}  // namespace trace
