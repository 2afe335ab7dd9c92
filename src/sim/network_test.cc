#include "sim/network.h"

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

auto read(sys::Connection& connection) {
  return base::operation<Io<std::string_view>>(
      [&connection](auto& done) { return connection.read(done); });
}
auto write(sys::Connection& connection, std::span<const std::string_view> pieces) {
  return base::operation<Io<>>(
      [&connection, pieces](auto& done) { return connection.write(pieces, done); });
}
auto accept(sys::Listener& listener) {
  return base::operation<Io<ConnectionPointer>>(
      [&listener](auto& done) { return listener.accept(done); });
}
auto connect(sys::Net& net, base::Endpoint to) {
  return base::operation<Io<ConnectionPointer>>(
      [&net, to](auto& done) { return net.connect(to, std::nullopt, done); });
}

const base::Endpoint b_smtp = *base::Endpoint::parse("192.0.2.2:25");

/// Two machines; B listens.
struct TwoMachines {
  explicit TwoMachines(std::uint64_t seed) : world(seed) {
    listener = b.net(loop_b).listen(b_smtp).value();
  }

  World world;
  Machine& a = world.make_machine("a.test", {"192.0.2.1", "2001:db8::1"});
  Machine& b = world.make_machine("b.test", {"192.0.2.2"});
  SimLoop& loop_a = a.make_loop("net");
  SimLoop& loop_b = b.make_loop("net");
  std::unique_ptr<sys::Listener> listener;
  ConnectionPointer at_a;
  ConnectionPointer at_b;
  Group group_a;
  Group group_b;

  void connect_both();
};

Task<> connect_into(sys::Net& net, base::Endpoint to, ConnectionPointer& out, std::string& error) {
  Io<ConnectionPointer> made = co_await connect(net, to);
  if (made)
    out = std::move(*made);
  else
    error = base::describe(made.error());
}

Task<> accept_into(sys::Listener& listener, ConnectionPointer& out, std::string& error) {
  Io<ConnectionPointer> made = co_await accept(listener);
  if (made)
    out = std::move(*made);
  else
    error = base::describe(made.error());
}

void TwoMachines::connect_both() {
  std::string error;
  loop_a.enter([&] { group_a.spawn(connect_into(a.net(loop_a), b_smtp, at_a, error)); });
  loop_b.enter([&] { group_b.spawn(accept_into(*listener, at_b, error)); });
  ASSERT_EQ(world.run_for(1s), Ran::done);
  ASSERT_EQ(error, "");
  ASSERT_TRUE(at_a && at_b);
}

/// Writes `octets` in pieces of growing size, then ends the stream.
Task<> send_all(sys::Connection& connection, std::string octets, std::string& error) {
  std::string_view left = octets;
  for (std::size_t size = 1; !left.empty(); size = size * 3 + 1) {
    const std::string_view pieces[] = {left.substr(0, size), left.substr(0, 0),
                                       left.substr(std::min(size, left.size()), 2)};
    const Io<> written = co_await write(connection, pieces);
    if (!written) {
      error = base::describe(written.error());
      co_return;
    }
    left.remove_prefix(std::min(left.size(), pieces[0].size() + pieces[2].size()));
  }
  connection.shutdown();
}

struct Received {
  std::string octets;
  std::string end;  ///< Why it ended.
  std::set<std::size_t> sizes;
};

Task<> receive_all(sys::Connection& connection, Received& out) {
  for (;;) {
    const Io<std::string_view> octets = co_await read(connection);
    if (!octets) {
      out.end = base::describe(octets.error());
      co_return;
    }
    out.octets += *octets;
    out.sizes.insert(octets->size());
  }
}

std::string some_octets(std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>('a' + i % 23);
  return out;
}

constexpr std::string_view closed = "connection closed by the peer";
constexpr std::string_view lost = "connection lost";

TEST(Network, carries_every_octet_in_order_and_cuts_anywhere) {
  const std::string octets = some_octets(200'000);
  std::set<std::size_t> sizes;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    TwoMachines two(seed);
    two.connect_both();
    Received there;
    Received back;
    std::string error;
    two.loop_a.enter([&] {
      two.group_a.spawn(send_all(*two.at_a, octets, error));
      two.group_a.spawn(receive_all(*two.at_a, back));
    });
    two.loop_b.enter([&] {
      two.group_b.spawn(receive_all(*two.at_b, there));
      two.group_b.spawn(send_all(*two.at_b, octets, error));
    });
    EXPECT_EQ(two.world.run_until_idle(), Ran::done);
    EXPECT_EQ(error, "");
    EXPECT_TRUE(there.octets == octets && back.octets == octets) << seed;
    EXPECT_EQ(there.end, closed);
    EXPECT_EQ(back.end, closed);
    sizes.insert(there.sizes.begin(), there.sizes.end());
  }
  EXPECT_TRUE(sizes.contains(1));
  EXPECT_GT(sizes.size(), 100u);
}

TEST(Network, the_same_seed_gives_the_same_run) {
  std::set<std::uint64_t> fingerprints;
  for (int run = 0; run < 3; ++run) {
    TwoMachines two(7);
    two.connect_both();
    Received there;
    std::string error;
    two.loop_a.enter([&] { two.group_a.spawn(send_all(*two.at_a, some_octets(50'000), error)); });
    two.loop_b.enter([&] { two.group_b.spawn(receive_all(*two.at_b, there)); });
    EXPECT_EQ(two.world.run_until_idle(), Ran::done);
    fingerprints.insert(two.world.fingerprint());
  }
  EXPECT_EQ(fingerprints.size(), 1u);
}

TEST(Network, a_writer_waits_for_its_reader) {
  TwoMachines two(1);
  two.connect_both();
  const std::string octets = some_octets(70'000);
  std::string error = "still writing";
  Received there;
  two.loop_a.enter([&] { two.group_a.spawn(send_all(*two.at_a, octets, error)); });
  EXPECT_EQ(two.world.run_for(1h), Ran::done);
  EXPECT_EQ(two.group_a.size(), 1u) << "65,536 octets are under way";
  two.loop_b.enter([&] { two.group_b.spawn(receive_all(*two.at_b, there)); });
  EXPECT_EQ(two.world.run_for(1s), Ran::done);
  EXPECT_EQ(two.group_a.size(), 0u);
  EXPECT_EQ(there.octets, octets);
}

TEST(Network, a_slow_link_takes_its_time) {
  TwoMachines two(1);
  two.world.link(two.a, two.b).octets_per_second = 1'000;
  two.connect_both();
  Received there;
  std::string error;
  two.loop_a.enter([&] { two.group_a.spawn(send_all(*two.at_a, some_octets(10'000), error)); });
  two.loop_b.enter([&] { two.group_b.spawn(receive_all(*two.at_b, there)); });
  EXPECT_EQ(two.world.run_for(9s), Ran::done);
  EXPECT_LT(there.octets.size(), 10'000u);
  EXPECT_EQ(two.world.run_for(2s), Ran::done);
  EXPECT_EQ(there.octets.size(), 10'000u);
}

TEST(Network, after_a_reset_both_ends_know_and_what_came_is_a_prefix) {
  const std::string octets = some_octets(300'000);
  std::set<std::size_t> lengths;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    TwoMachines two(seed);
    two.connect_both();
    two.world.link(two.a, two.b).reset_per_mille = 20;
    Received there;
    Received back;
    std::string error;
    two.loop_a.enter([&] {
      two.group_a.spawn(send_all(*two.at_a, octets, error));
      two.group_a.spawn(receive_all(*two.at_a, back));
    });
    two.loop_b.enter([&] { two.group_b.spawn(receive_all(*two.at_b, there)); });
    EXPECT_EQ(two.world.run_for(1h), Ran::done);
    EXPECT_TRUE(octets.starts_with(there.octets)) << seed;
    lengths.insert(there.octets.size());
    if (error.empty()) {
      EXPECT_EQ(there.octets, octets);
      two.at_b.reset();
      EXPECT_EQ(two.world.run_for(1h), Ran::done);
      EXPECT_EQ(back.end, closed);
    } else {
      EXPECT_EQ(error, lost);
      EXPECT_EQ(there.end, lost);
      EXPECT_EQ(back.end, lost);
    }
  }
  EXPECT_GT(lengths.size(), 20u);
}

struct ConnectCase {
  std::string_view name;
  std::string to;
  void (*prepare)(TwoMachines&);
  std::string_view want;  ///< Empty: connected.
  base::Duration after;   ///< Not before, and at most a second later.
};

const ConnectCase connect_cases[] = {
    {"good", "192.0.2.2:25", [](TwoMachines&) {}, "", 0s},
    {"nobody listens on this port", "192.0.2.2:26", [](TwoMachines&) {}, "connection refused", 0s},
    {"nobody listens any more", "192.0.2.2:25", [](TwoMachines& two) { two.listener.reset(); },
     "connection refused", 0s},
    {"no such host", "192.0.2.9:25", [](TwoMachines&) {}, "unreachable", 0s},
    {"loopback is the machine itself", "127.0.0.1:25", [](TwoMachines&) {}, "connection refused",
     0s},
    {"the link is down", "192.0.2.2:25",
     [](TwoMachines& two) { two.world.link(two.a, two.b).down = true; }, "timed out", 127s},
    {"the host is down", "192.0.2.2:25", [](TwoMachines& two) { two.b.stop(Stop::power_cut); },
     "timed out", 127s},
    {"the server was killed", "192.0.2.2:25", [](TwoMachines& two) { two.b.stop(Stop::kill); },
     "connection refused", 0s},
    {"the host is silent", "192.0.2.2:25",
     [](TwoMachines& two) { two.world.network().silence(b_smtp.address); }, "timed out", 127s},
    {"the link refuses", "192.0.2.2:25",
     [](TwoMachines& two) { two.world.link(two.a, two.b).refuse_per_mille = 1'000; },
     "connection refused", 0s},
    {"the link loses connects", "192.0.2.2:25",
     [](TwoMachines& two) { two.world.link(two.a, two.b).time_out_per_mille = 1'000; }, "timed out",
     127s},
    {"no descriptors", "192.0.2.2:25",
     [](TwoMachines& two) { two.a.host().set_no_descriptors(true); },
     "out of descriptors or memory", 0s},
    {"we are down", "192.0.2.2:25", [](TwoMachines& two) { two.a.stop(Stop::kill); }, "cancelled",
     0s},
    {"no IPv6 route there", "[2001:db8::2]:25", [](TwoMachines&) {}, "unreachable", 0s},
};

TEST(Network, connecting_fails_as_it_does_in_the_world) {
  for (const ConnectCase& row : connect_cases) {
    TwoMachines two(3);
    row.prepare(two);
    std::string error;
    two.loop_a.enter([&] {
      two.group_a.spawn(
          connect_into(two.a.net(two.loop_a), *base::Endpoint::parse(row.to), two.at_a, error));
    });
    if (row.after > 0s) {
      EXPECT_EQ(two.world.run_for(row.after - 1s), Ran::done);
      EXPECT_EQ(two.group_a.size(), 1u) << row.name;
    }
    EXPECT_EQ(two.world.run_for(2s), Ran::done);
    EXPECT_EQ(error, row.want) << row.name;
    EXPECT_EQ(two.at_a != nullptr, row.want.empty()) << row.name;
    EXPECT_EQ(two.group_a.size(), 0u) << row.name;
  }
}

TEST(Network, a_link_that_comes_back_in_time_loses_nothing) {
  for (const base::Duration outage : {base::Duration(10min), base::Duration(20min)}) {
    TwoMachines two(5);
    two.connect_both();
    two.world.link(two.a, two.b).down = true;
    const std::string octets = some_octets(100'000);
    std::string error;
    Received there;
    two.loop_a.enter([&] { two.group_a.spawn(send_all(*two.at_a, octets, error)); });
    two.loop_b.enter([&] { two.group_b.spawn(receive_all(*two.at_b, there)); });
    EXPECT_EQ(two.world.run_for(outage), Ran::done);
    EXPECT_EQ(there.octets, "");
    two.world.link(two.a, two.b).down = false;
    EXPECT_EQ(two.world.run_for(1min), Ran::done);
    if (outage < give_up_after) {
      EXPECT_EQ(there.octets, octets);
    } else {
      EXPECT_EQ(error, "timed out");
      two.at_a.reset();
      EXPECT_EQ(two.world.run_for(1min), Ran::done);
      EXPECT_EQ(there.end, lost);
    }
  }
}

TEST(Network, closing_before_everything_was_read_resets) {
  TwoMachines two(1);
  two.connect_both();
  std::string error;
  Received back;
  two.loop_a.enter([&] {
    two.group_a.spawn(send_all(*two.at_a, "unread", error));
    two.group_a.spawn(receive_all(*two.at_a, back));
  });
  EXPECT_EQ(two.world.run_for(1s), Ran::done);
  two.at_b.reset();
  EXPECT_EQ(two.world.run_for(1s), Ran::done);
  EXPECT_EQ(back.end, lost);
}

TEST(Network, writing_to_somebody_who_has_closed_resets) {
  TwoMachines two(1);
  two.connect_both();
  two.at_b.reset();
  EXPECT_EQ(two.world.run_for(1s), Ran::done);
  std::string error;
  two.loop_a.enter([&] { two.group_a.spawn(send_all(*two.at_a, "too late", error)); });
  EXPECT_EQ(two.world.run_for(1s), Ran::done);
  two.loop_a.enter([&] { two.group_a.spawn(send_all(*two.at_a, "too late", error)); });
  EXPECT_EQ(two.world.run_for(1s), Ran::done);
  EXPECT_EQ(error, lost);
}

/// Reads under a deadline again and again: none of the interruptions may lose an octet.
Task<> receive_interrupted(sys::Connection& connection, base::Scope*& scope, std::string& out) {
  for (;;) {
    const Io<std::string_view> octets = co_await read(connection);
    if (octets) out += *octets;
    if (!octets && octets.error().code != IoErrorCode::cancelled) break;
  }
  scope = nullptr;
}

/// Gives the scope of its line to the test, then waits for the task.
struct GrabScope {
  base::Scope*& out;
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
    out = waiter.promise().scope;
    return false;
  }
  void await_resume() const noexcept {}
};
Task<> with_scope(Task<> task, base::Scope*& scope) {
  co_await GrabScope{scope};
  co_await std::move(task);
}

TEST(Network, an_interrupted_read_has_taken_nothing) {
  const std::string octets = some_octets(30'000);
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    TwoMachines two(seed);
    two.connect_both();
    std::string got;
    std::string error;
    base::Scope* scope = nullptr;
    two.loop_b.enter(
        [&] { two.group_b.spawn(with_scope(receive_interrupted(*two.at_b, scope, got), scope)); });
    two.loop_a.enter([&] { two.group_a.spawn(send_all(*two.at_a, octets, error)); });
    // At any moment: with the read pending, its completion queued, or nothing pending.
    while (scope != nullptr) {
      two.loop_b.enter([&] { scope->interrupt(); });
      ASSERT_EQ(two.world.run_for(base::Duration(two.world.rng().below(200'000))), Ran::done);
    }
    EXPECT_TRUE(got == octets) << seed;
  }
}

TEST(Network, a_cancelled_write_leaves_a_connection_that_only_closes) {
  TwoMachines two(1);
  two.connect_both();
  std::string error;
  two.loop_a.enter([&] { two.group_a.spawn(send_all(*two.at_a, some_octets(500'000), error)); });
  EXPECT_EQ(two.world.run_for(1s), Ran::done);
  two.loop_a.enter([&] { two.group_a.cancel(); });
  EXPECT_EQ(error, "") << "not inside cancel()";
  EXPECT_EQ(two.world.run_for(1s), Ran::done);
  EXPECT_EQ(error, "cancelled");
  two.loop_a.enter([&] { two.group_a.spawn(send_all(*two.at_a, "more", error)); });
  EXPECT_EQ(two.world.run_for(1s), Ran::done);
  EXPECT_EQ(error, lost);
  two.at_a.reset();
  Received there;
  two.loop_b.enter([&] { two.group_b.spawn(receive_all(*two.at_b, there)); });
  EXPECT_EQ(two.world.run_for(1s), Ran::done);
  EXPECT_EQ(there.end, lost);
}

TEST(Network, cancelling_connect_and_accept_at_any_moment_ends_each_once) {
  std::set<std::string> ends;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    TwoMachines two(seed);
    std::string error_a;
    std::string error_b;
    two.loop_a.enter(
        [&] { two.group_a.spawn(connect_into(two.a.net(two.loop_a), b_smtp, two.at_a, error_a)); });
    two.loop_b.enter([&] { two.group_b.spawn(accept_into(*two.listener, two.at_b, error_b)); });
    const auto when = [&] {
      return two.world.now() + base::Duration(two.world.rng().below(5'000'000));
    };
    two.world.at(when(), [&] { two.group_a.cancel(); });
    two.world.at(when(), [&] { two.group_b.cancel(); });
    EXPECT_EQ(two.world.run_until_idle(), Ran::done);
    EXPECT_EQ(two.group_a.size() + two.group_b.size(), 0u);
    ends.insert((two.at_a ? "connected" : error_a) + ", " + (two.at_b ? "accepted" : error_b));
  }
  EXPECT_EQ(ends, (std::set<std::string>{"cancelled, accepted", "cancelled, cancelled",
                                         "connected, accepted", "connected, cancelled"}));
}

TEST(Network, who_waits_at_a_listener_that_goes_is_reset) {
  TwoMachines two(1);
  std::string error;
  two.loop_a.enter(
      [&] { two.group_a.spawn(connect_into(two.a.net(two.loop_a), b_smtp, two.at_a, error)); });
  EXPECT_EQ(two.world.run_for(1s), Ran::done);
  Received back;
  two.loop_a.enter([&] { two.group_a.spawn(receive_all(*two.at_a, back)); });
  two.listener.reset();
  EXPECT_EQ(two.world.run_for(1s), Ran::done);
  EXPECT_EQ(back.end, lost);
}

TEST(Network, the_backlog_is_bounded) {
  TwoMachines two(1);
  std::string error;
  std::vector<ConnectionPointer> connections(backlog_max + 1);
  two.loop_a.enter([&] {
    for (ConnectionPointer& one : connections)
      two.group_a.spawn(connect_into(two.a.net(two.loop_a), b_smtp, one, error));
  });
  EXPECT_EQ(two.world.run_for(30s), Ran::done);
  EXPECT_EQ(two.group_a.size(), 1u);
  two.loop_b.enter([&] { two.group_b.spawn(accept_into(*two.listener, two.at_b, error)); });
  EXPECT_EQ(two.world.run_for(60s), Ran::done);
  EXPECT_EQ(two.group_a.size(), 0u);
  EXPECT_EQ(error, "");
}

TEST(Network, a_listener_without_descriptors_stays_good) {
  TwoMachines two(1);
  std::string error;
  two.loop_b.enter([&] { two.group_b.spawn(accept_into(*two.listener, two.at_b, error)); });
  two.b.host().set_no_descriptors(true);
  two.loop_a.enter(
      [&] { two.group_a.spawn(connect_into(two.a.net(two.loop_a), b_smtp, two.at_a, error)); });
  EXPECT_EQ(two.world.run_for(1s), Ran::done);
  EXPECT_EQ(error, "out of descriptors or memory");
  two.b.host().set_no_descriptors(false);
  two.loop_b.enter([&] { two.group_b.spawn(accept_into(*two.listener, two.at_b, error)); });
  EXPECT_EQ(two.world.run_for(1s), Ran::done);
  EXPECT_TRUE(two.at_b);
}

TEST(Network, addresses_are_those_of_the_machines) {
  TwoMachines two(1);
  two.connect_both();
  EXPECT_EQ(two.at_a->remote(), b_smtp);
  EXPECT_EQ(two.at_a->local(), two.at_b->remote());
  EXPECT_EQ(two.at_a->local().address.to_string(), "192.0.2.1");
  sys::Net& net = two.b.net(two.loop_b);
  EXPECT_EQ(net.listen(b_smtp).error().code, IoErrorCode::busy);
  EXPECT_EQ(net.listen(*base::Endpoint::parse("192.0.2.1:25")).error().code,
            IoErrorCode::unreachable);
  const auto any = net.listen(*base::Endpoint::parse("0.0.0.0:0")).value();
  EXPECT_NE(any->local().port, 0);
  two.listener.reset();
  EXPECT_TRUE(net.listen(b_smtp));
}

Task<> connect_unix_into(sys::Net& net, std::string path, ConnectionPointer& out,
                         std::string& error) {
  Io<ConnectionPointer> made = co_await base::operation<Io<ConnectionPointer>>(
      [&](auto& done) { return net.connect_unix(path, done); });
  if (made)
    out = std::move(*made);
  else
    error = base::describe(made.error());
}

TEST(Network, unix_sockets_stay_within_their_machine) {
  TwoMachines two(1);
  std::string error;
  const auto control = two.b.net(two.loop_b).listen_unix("/run/control").value();
  EXPECT_EQ(two.b.net(two.loop_b).listen_unix("/run/control").error().code, IoErrorCode::busy);
  two.loop_a.enter([&] {
    two.group_a.spawn(connect_unix_into(two.a.net(two.loop_a), "/run/control", two.at_a, error));
  });
  EXPECT_EQ(two.world.run_for(1s), Ran::done);
  EXPECT_EQ(error, "connection refused");
  two.loop_b.enter([&] {
    two.group_b.spawn(connect_unix_into(two.b.net(two.loop_b), "/run/control", two.at_a, error));
    two.group_b.spawn(accept_into(*control, two.at_b, error));
  });
  EXPECT_EQ(two.world.run_for(1s), Ran::done);
  ASSERT_TRUE(two.at_a && two.at_b);
  EXPECT_EQ(two.at_b->remote(), base::Endpoint{});
  Received there;
  two.loop_b.enter([&] {
    two.group_b.spawn(send_all(*two.at_a, "list", error));
    two.group_b.spawn(receive_all(*two.at_b, there));
  });
  EXPECT_EQ(two.world.run_for(1s), Ran::done);
  EXPECT_EQ(there.octets, "list");
}

}  // namespace
}  // namespace sim
