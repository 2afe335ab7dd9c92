#include "sim/world.h"

#include <gtest/gtest.h>

#include <set>

#include "base/group.h"

namespace sim {
namespace {

using namespace std::chrono_literals;
using base::Group;
using base::Io;
using base::IoErrorCode;
using base::Task;

auto sleep_for(sys::Loop& loop, base::Duration duration) {
  return base::operation<Io<>>(
      [&loop, when = loop.now() + duration](auto& done) { return loop.sleep_until(when, done); });
}

Task<> write_down(SimLoop& loop, int times, std::string& out) {
  for (int i = 0; i < times; ++i) {
    co_await sys::Yield(loop);
    out += loop.name().back();
  }
}

Task<> spin(SimLoop& loop, const bool& stop) {
  while (!stop) co_await sys::Yield(loop);
}

Task<> sleep_then_write(SimLoop& loop, base::Duration duration, std::string& out) {
  const Io<> slept = co_await sleep_for(loop, duration);
  out += slept ? "woken " : "cancelled ";
}

TEST(World, the_same_seed_gives_the_same_order_and_others_give_others) {
  std::set<std::string> orders;
  std::set<std::uint64_t> fingerprints;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::string first;
    for (int run = 0; run < 2; ++run) {
      World world(seed);
      Machine& machine = world.make_machine("a.test", {"192.0.2.1"});
      SimLoop& x = machine.make_loop("x");
      SimLoop& y = machine.make_loop("y");
      std::string out;
      Group group_x;
      Group group_y;
      x.enter([&] { group_x.spawn(write_down(x, 5, out)); });
      y.enter([&] { group_y.spawn(write_down(y, 5, out)); });
      EXPECT_EQ(world.run_until_idle(), Ran::done);
      EXPECT_EQ(out.size(), 10u);
      if (run == 0) first = out;
      EXPECT_EQ(out, first) << seed;
      fingerprints.insert(world.fingerprint());
    }
    orders.insert(first);
  }
  EXPECT_GT(orders.size(), 10u);
  EXPECT_EQ(fingerprints.size(), 20u);
}

TEST(World, sleepers_wake_in_time_and_not_before) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    World world(seed);
    SimLoop& loop = world.make_machine("a.test", {"192.0.2.1"}).make_loop("net");
    std::string out;
    Group group;
    loop.enter([&] { group.spawn(sleep_then_write(loop, 10s, out)); });
    EXPECT_EQ(world.run_for(10s), Ran::done);
    EXPECT_EQ(out, "");
    EXPECT_EQ(world.run_for(10ms), Ran::done);
    EXPECT_EQ(out, "woken ");
  }
}

TEST(World, a_cancelled_sleep_ends_soon_but_not_inside_cancel) {
  World world(1);
  SimLoop& loop = world.make_machine("a.test", {"192.0.2.1"}).make_loop("net");
  std::string out;
  Group group;
  loop.enter([&] {
    group.spawn(sleep_then_write(loop, 1h, out));
    group.cancel();
    EXPECT_EQ(out, "");
    group.cancel();
  });
  EXPECT_EQ(world.run_for(1ms), Ran::done);
  EXPECT_EQ(out, "cancelled ");
}

TEST(World, cancelling_a_sleep_at_any_moment_ends_it_once) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    World world(seed);
    SimLoop& loop = world.make_machine("a.test", {"192.0.2.1"}).make_loop("net");
    std::string out;
    Group group;
    loop.enter([&] { group.spawn(sleep_then_write(loop, 1ms, out)); });
    // Half of the time after the completion was queued and before it has run.
    world.at(world.now() + base::Duration(world.rng().below(3'000'000)), [&] { group.cancel(); });
    EXPECT_EQ(world.run_until_idle(), Ran::done);
    seen.insert(out);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"cancelled ", "woken "}));
}

TEST(World, says_how_running_ended) {
  World world(1);
  SimLoop& loop = world.make_machine("a.test", {"192.0.2.1"}).make_loop("net");
  EXPECT_EQ(world.run_while([] { return true; }), Ran::idle);
  bool stop = false;
  Group group;
  loop.enter([&] { group.spawn(spin(loop, stop)); });
  EXPECT_EQ(world.run_while([] { return true; }, 1ms), Ran::timed_out);
  world.set_steps_max(100);
  EXPECT_EQ(world.run_for(1h), Ran::stuck);
  EXPECT_EQ(world.run_until_idle(), Ran::stuck);
  stop = true;
  EXPECT_EQ(world.run_until_idle(), Ran::done);
}

TEST(World, clocks_may_be_wrong_and_jump) {
  World world(1);
  Machine& a = world.make_machine("a.test", {"192.0.2.1"});
  EXPECT_EQ(base::rfc3339(a.clock().wall()), "2030-01-01T00:00:00.000Z");
  EXPECT_EQ(world.run_for(1'500ms), Ran::done);
  EXPECT_EQ(base::rfc3339(a.clock().wall()), "2030-01-01T00:00:01.500Z");
  a.clock().set_error(-1h);
  EXPECT_EQ(base::rfc3339(a.clock().wall()), "2029-12-31T23:00:01.500Z");
}

// The resolver.

Task<> ask(Machine& machine, std::string name, dns::Type type, std::string& out) {
  const dns::Question question{dns::Name::parse(name).value(), type};
  const Io<dns::Answer> answer = co_await base::operation<Io<dns::Answer>>(
      [&](auto& done) { return machine.resolver().resolve(question, done); });
  if (!answer)
    out = base::describe(answer.error());
  else
    out = (answer->rcode == dns::Rcode::name_error ? "NXDOMAIN " : "found ") +
          std::to_string(answer->records.size());
}

struct AskCase {
  std::string_view name;
  std::string question;
  std::string_view want;
  base::Duration within;
};

const AskCase ask_cases[] = {
    {"records", "a.test", "found 1", 20ms},
    {"no such name", "b.test", "NXDOMAIN 0", 20ms},
    {"SERVFAIL", "broken.test", "DNS failed", 20ms},
    {"REFUSED", "refused.test", "DNS failed", 20ms},
    {"a server that does not answer", "silent.test", "timed out", 10s},
    {"slow", "slow.test", "found 1", 3s},
};

TEST(Resolver, answers_out_of_the_zone) {
  for (const AskCase& row : ask_cases) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      World world(seed);
      dns::Zone& zone = world.zone();
      EXPECT_TRUE(zone.add_text("a.test", "A", "192.0.2.1"));
      EXPECT_TRUE(zone.add_text("slow.test", "A", "192.0.2.1"));
      EXPECT_TRUE(zone.set_fault_text("broken.test", "ANY", "SERVFAIL"));
      EXPECT_TRUE(zone.set_fault_text("refused.test", "ANY", "REFUSED"));
      EXPECT_TRUE(zone.set_fault_text("silent.test", "ANY", "TIMEOUT"));
      Machine& machine = world.make_machine("a.test", {"192.0.2.1"});
      machine.resolver().set_latency(dns::Name::parse("slow.test").value(), 3s);
      SimLoop& loop = machine.make_loop("net");
      std::string out;
      Group group;
      loop.enter([&] { group.spawn(ask(machine, row.question, dns::Type::a, out)); });
      const bool slow = row.within > 1s;
      EXPECT_EQ(world.run_for(row.within - 1ms), Ran::done);
      EXPECT_EQ(out.empty(), slow || out.empty()) << row.name;
      EXPECT_EQ(world.run_for(2ms), Ran::done);
      EXPECT_EQ(out, row.want) << row.name;
    }
  }
}

TEST(Resolver, can_be_cancelled) {
  World world(1);
  Machine& machine = world.make_machine("a.test", {"192.0.2.1"});
  machine.resolver().set_latency(dns::Name::parse("b.test").value(), 1h);
  SimLoop& loop = machine.make_loop("net");
  std::string out;
  Group group;
  loop.enter([&] {
    group.spawn(ask(machine, "b.test", dns::Type::a, out));
    group.cancel();
    EXPECT_EQ(out, "");
  });
  EXPECT_EQ(world.run_for(1s), Ran::done);
  EXPECT_EQ(out, "cancelled");
}

// The workers.

struct Count final : sys::Job {
  void work() noexcept override { ++times; }
  int times = 0;
};

Task<> work(Machine& machine, SimLoop& loop, std::string& out) {
  Count job;
  const Io<> done = co_await base::operation<Io<>>(
      [&](auto& completion) { return machine.workers().run(job, loop, completion); });
  out += done && job.times == 1 ? 'x' : '-';
}

TEST(Workers, have_a_bounded_line) {
  World world(1);
  Machine& machine = world.make_machine("a.test", {"192.0.2.1"});
  SimLoop& loop = machine.make_loop("net");
  std::string out;
  Group group;
  loop.enter([&] {
    for (int i = 0; i < 67; ++i) group.spawn(work(machine, loop, out));
  });
  EXPECT_EQ(out, "-") << "two threads, 64 in the line, one too many";
  EXPECT_EQ(world.run_until_idle(), Ran::done);
  EXPECT_EQ(out, "-" + std::string(66, 'x'));
}

}  // namespace
}  // namespace sim
