#include "sim/machine.h"

#include <gtest/gtest.h>

#include <set>

#include "base/group.h"
#include "sim/world.h"

namespace sim {
namespace {

using namespace std::chrono_literals;
using base::Group;
using base::Io;
using base::IoErrorCode;
using base::Task;
using ConnectionPointer = std::unique_ptr<sys::Connection>;

const base::Endpoint b_port = *base::Endpoint::parse("192.0.2.2:7");
constexpr int lines = 20;

/// A server that stores each line and acknowledges it with a dot: the smallest thing that can be
/// wrong about durability.
class LineServer {
 public:
  LineServer(Machine& machine, SimLoop& loop)
      : machine_(machine), listener_(machine.net(loop).listen(b_port).value()) {
    loop.enter([&] { group_.spawn(run()); });
  }
  void cancel() { group_.cancel(); }
  [[nodiscard]] bool has_ended() const { return group_.size() == 0; }

 private:
  Task<> run() {
    sys::Disk& disk = machine_.disk();
    auto file = disk.open("/log", sys::OpenMode::append);
    if (!file) co_return;
    if (!co_await sys::sync_directory(disk, root_)) co_return;
    for (;;) {
      Io<ConnectionPointer> connection = co_await base::operation<Io<ConnectionPointer>>(
          [&](auto& done) { return listener_->accept(done); });
      if (!connection) co_return;
      co_await serve(**connection, **file);
    }
  }
  Task<> serve(sys::Connection& connection, sys::File& file) {
    for (;;) {
      const Io<std::string_view> read = co_await base::operation<Io<std::string_view>>(
          [&](auto& done) { return connection.read(done); });
      if (!read) co_return;
      const std::string octets(*read);
      const std::string_view pieces[] = {octets};
      if (!co_await sys::write(file, 0, pieces)) co_return;
      if (!co_await sys::sync(file)) co_return;
      const std::string dots(octets.size(), '.');
      const std::string_view reply[] = {dots};
      if (!co_await base::operation<Io<>>(
              [&](auto& done) { return connection.write(reply, done); }))
        co_return;
    }
  }

  Machine& machine_;
  std::string root_ = "/";
  std::unique_ptr<sys::Listener> listener_;
  Group group_;
};

/// Sends octets one by one; counts the dots.
Task<> send_octets(sys::Net& net, int& acknowledged) {
  Io<ConnectionPointer> made = co_await base::operation<Io<ConnectionPointer>>(
      [&](auto& done) { return net.connect(b_port, std::nullopt, done); });
  if (!made) co_return;
  sys::Connection& connection = **made;
  for (int i = 0; i < lines; ++i) {
    const std::string octet(1, static_cast<char>('a' + i));
    const std::string_view pieces[] = {octet};
    if (!co_await base::operation<Io<>>([&](auto& done) { return connection.write(pieces, done); }))
      co_return;
    const Io<std::string_view> dot = co_await base::operation<Io<std::string_view>>(
        [&](auto& done) { return connection.read(done); });
    if (!dot) co_return;
    ++acknowledged;
  }
}

struct Outcome {
  int acknowledged = 0;
  std::optional<std::string> found;  ///< The log after the stop.
  bool stopped = false;
  std::uint64_t fingerprint = 0;
};

/// One life of the server, ended as `plan` says; torn down in order.
Outcome run_once(std::uint64_t seed, const std::function<void(World&, Machine&)>& plan) {
  Outcome out;
  World world(seed);
  Machine& a = world.make_machine("a.test", {"192.0.2.1"});
  Machine& b = world.make_machine("b.test", {"192.0.2.2"});
  SimLoop& loop_a = a.make_loop("net");
  SimLoop& loop_b = b.make_loop("net");
  plan(world, b);
  auto server = std::make_unique<LineServer>(b, loop_b);
  Group client;
  loop_a.enter([&] { client.spawn(send_octets(a.net(loop_a), out.acknowledged)); });
  EXPECT_NE(world.run_while([&] { return client.size() > 0 && !b.is_stopped(); }, 1h), Ran::stuck);
  out.stopped = b.is_stopped();
  loop_b.enter([&] { server->cancel(); });
  EXPECT_EQ(world.run_while([&] { return !server->has_ended(); }, 1min), Ran::done);
  server.reset();
  b.stop(Stop::power_cut);
  b.restart();
  out.found = b.disk().contents("/log");
  loop_a.enter([&] { client.cancel(); });
  EXPECT_EQ(world.run_while([&] { return client.size() > 0; }, 1min), Ran::done);
  out.fingerprint = world.fingerprint();
  return out;
}

/// Whether everything that was acknowledged is there.
bool keeps_its_promise(const Outcome& outcome) {
  std::string want;
  for (int i = 0; i < outcome.acknowledged; ++i) want += static_cast<char>('a' + i);
  return outcome.found.value_or("").starts_with(want);
}

TEST(Machine, what_was_acknowledged_survives_a_stop_at_any_disk_operation) {
  for (const Stop how : {Stop::power_cut, Stop::kill}) {
    std::set<int> acknowledged;
    for (std::uint64_t n = 0;; ++n) {
      const Outcome outcome =
          run_once(n, [&](World&, Machine& machine) { machine.stop_at_disk_operation(n, how); });
      EXPECT_TRUE(keeps_its_promise(outcome)) << n;
      acknowledged.insert(outcome.acknowledged);
      if (!outcome.stopped) {
        EXPECT_EQ(outcome.acknowledged, lines);
        break;
      }
    }
    EXPECT_EQ(acknowledged.size(), lines + 1u);
  }
}

TEST(Machine, what_was_acknowledged_survives_a_stop_at_any_time) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto plan = [](World&, Machine& machine) { machine.stop_within(200ms, Stop::power_cut); };
    EXPECT_TRUE(keeps_its_promise(run_once(seed, plan))) << seed;
  }
}

TEST(Machine, the_same_seed_gives_the_same_life) {
  const auto plan = [](World&, Machine& machine) { machine.stop_within(200ms, Stop::power_cut); };
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const Outcome first = run_once(seed, plan);
    const Outcome second = run_once(seed, plan);
    EXPECT_EQ(first.fingerprint, second.fingerprint);
    EXPECT_EQ(first.found, second.found);
    EXPECT_EQ(first.acknowledged, second.acknowledged);
  }
}

TEST(Machine, a_sync_taken_out_is_found_within_50_seeds) {
  for (const DiskOperation removed : {DiskOperation::sync, DiskOperation::sync_directory}) {
    bool found = false;
    for (std::uint64_t seed = 0; seed < 50 && !found; ++seed) {
      const Outcome outcome = run_once(seed, [&](World&, Machine& machine) {
        machine.disk().set_skip([&](DiskOperation operation, const std::string&, std::uint64_t) {
          return operation == removed;
        });
        machine.stop_within(200ms, Stop::power_cut);
      });
      found = !keeps_its_promise(outcome);
    }
    EXPECT_TRUE(found) << to_string(removed);
  }
}

Task<> read_once(sys::Net& net, std::string& end) {
  Io<ConnectionPointer> made = co_await base::operation<Io<ConnectionPointer>>(
      [&](auto& done) { return net.connect(b_port, std::nullopt, done); });
  if (!made) {
    end = base::describe(made.error());
    co_return;
  }
  const Io<std::string_view> read = co_await base::operation<Io<std::string_view>>(
      [&](auto& done) { return (*made)->read(done); });
  end = read ? "octets" : base::describe(read.error());
}

TEST(Machine, peers_see_a_reset_or_silence_after_a_power_cut_and_an_end_after_a_kill) {
  for (const Stop how : {Stop::power_cut, Stop::kill}) {
    std::set<std::string> ends;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      World world(seed);
      Machine& a = world.make_machine("a.test", {"192.0.2.1"});
      Machine& b = world.make_machine("b.test", {"192.0.2.2"});
      SimLoop& loop_a = a.make_loop("net");
      SimLoop& loop_b = b.make_loop("net");
      auto server = std::make_unique<LineServer>(b, loop_b);
      std::string end = "silence";
      Group client;
      loop_a.enter([&] { client.spawn(read_once(a.net(loop_a), end)); });
      EXPECT_EQ(world.run_for(1s), Ran::done);
      b.stop(how);
      EXPECT_EQ(world.run_for(1s), Ran::done);
      EXPECT_TRUE(server->has_ended()) << "its operations have ended without being cancelled";
      ends.insert(end);
      server.reset();
      client.cancel();
      EXPECT_EQ(world.run_for(1s), Ran::done);
    }
    if (how == Stop::kill)
      EXPECT_EQ(ends, std::set<std::string>{"connection closed by the peer"});
    else
      EXPECT_EQ(ends, (std::set<std::string>{"connection lost", "silence"}));
  }
}

TEST(Machine, says_when_it_has_stopped_once_the_step_is_over) {
  World world(1);
  Machine& machine = world.make_machine("a.test", {"192.0.2.1"});
  SimLoop& loop = machine.make_loop("net");
  int stops = 0;
  machine.set_on_stop([&] {
    EXPECT_EQ(world.current(), nullptr);
    ++stops;
  });
  loop.run_soon([&] {
    machine.stop(Stop::kill);
    machine.stop(Stop::power_cut);
    EXPECT_EQ(stops, 0);
    EXPECT_EQ(machine.disk().exists("/").error().code, IoErrorCode::cancelled);
  });
  EXPECT_EQ(world.run_until_idle(), Ran::done);
  EXPECT_EQ(stops, 1);
}

TEST(Machine, works_again_after_a_restart) {
  World world(1);
  Machine& a = world.make_machine("a.test", {"192.0.2.1"});
  Machine& b = world.make_machine("b.test", {"192.0.2.2"});
  SimLoop& loop_a = a.make_loop("net");
  SimLoop& loop_b = b.make_loop("net");
  int acknowledged = 0;
  Group client;
  for (int life = 1; life <= 3; ++life) {
    auto server = std::make_unique<LineServer>(b, loop_b);
    loop_a.enter([&] { client.spawn(send_octets(a.net(loop_a), acknowledged)); });
    EXPECT_EQ(world.run_while([&] { return client.size() > 0; }, 1h), Ran::done);
    EXPECT_EQ(acknowledged, life * lines);
    b.stop(Stop::power_cut);
    EXPECT_EQ(world.run_while([&] { return !server->has_ended(); }, 1s), Ran::done);
    server.reset();
    b.restart();
    EXPECT_EQ(b.disk().contents("/log").value().size(), static_cast<std::size_t>(life * lines));
  }
}

}  // namespace
}  // namespace sim
