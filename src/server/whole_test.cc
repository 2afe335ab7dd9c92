#include <gtest/gtest.h>

#include <map>
#include <set>

#include "delivery/smtp_client.h"
#include "server/site_testing.h"
#include "sim/world.h"

// Two servers, a client and the DNS on a simulated internet that loses connections and machines.
// The ledger of the accounting stands outside the code under test: the client knows which messages
// were acknowledged, and the mailboxes of z.test show what arrived.
namespace server {
namespace {

using namespace std::chrono_literals;

constexpr const char* a_config = R"(
hostname = "a.test"
data_dir = "/data"
[[listener]]
address = "192.0.2.1:25"
role = "mx"
[relay]
networks = ["192.0.2.9/32"]
[delivery]
refuse_networks = []
[queue]
retry = ["5s", "20s", "1m"]
[admin]
address = ""
)";

constexpr const char* z_config = R"(
hostname = "mx.z.test"
data_dir = "/data"
[[listener]]
address = "192.0.2.3:25"
role = "mx"
[[domain]]
name = "z.test"
deliver = "maildir:/mail/{local}"
[[user]]
address = "u@z.test"
[queue]
retry = ["5s", "20s", "1m"]
[admin]
address = ""
)";

struct Plan {
  std::uint64_t seed = 1;
  int messages = 100;
  unsigned resets_per_mille = 0;
  bool crashes = false;
  sim::Stop how = sim::Stop::power_cut;
  sim::SimDisk::Skip skip;  ///< A mutation.
};

struct Ledger {
  std::set<std::string> acknowledged;  ///< Tokens of messages that got their 250.
  std::map<std::string, int> arrived;  ///< How often, by token.
  std::size_t unknown = 0;             ///< Events.
  std::string logs;
  std::uint64_t fingerprint = 0;
  bool drained = false;
  std::string left;  ///< What was not done at the end, for people.

  [[nodiscard]] std::size_t lost() const {
    std::size_t count = 0;
    for (const std::string& token : acknowledged) count += arrived.contains(token) ? 0 : 1;
    return count;
  }
  [[nodiscard]] std::size_t doubled() const {
    std::size_t count = 0;
    for (const auto& [token, times] : arrived) count += times > 1 ? 1 : 0;
    return count;
  }
};

class OneMessage final : public delivery::ContentSource {
 public:
  explicit OneMessage(const std::string& content) : piece_(content) {}
  base::Io<std::span<const std::string_view>> next() override {
    if (std::exchange(ended_, true)) return std::span<const std::string_view>();
    return std::span<const std::string_view>(&piece_, 1);
  }
  [[nodiscard]] bool at_end() const override { return ended_; }
  base::Task<base::Io<>> before_final_dot() override { co_return base::Io<>{}; }

 private:
  std::string_view piece_;
  bool ended_ = false;
};

/// Submits messages one after the other until each has its 250. Every try has a token of its own:
/// what was not acknowledged may arrive or not.
class Client {
 public:
  Client(sim::World& world, Ledger& ledger, int messages)
      : machine_(world.make_machine("client.test", {"192.0.2.9"})),
        loop_(machine_.make_loop("main")),
        timers_(loop_),
        ledger_(ledger),
        left_(messages) {}
  ~Client() { EXPECT_EQ(group_.size(), 0u); }

  void start() {
    loop_.enter([this] {
      for (int i = 0; i < 4; ++i) group_.spawn(submit_all());
    });
  }
  void finish(sim::World& world) {
    loop_.enter([this] {
      group_.cancel();
      timers_.stop();
    });
    EXPECT_EQ(world.run_while([this] { return group_.size() > 0 || !timers_.idle(); }, 1h),
              sim::Ran::done);
  }
  [[nodiscard]] bool is_done() const { return group_.size() == 0; }

 private:
  base::Task<> submit_all() {
    std::unique_ptr<delivery::SmtpClient> client;
    while (left_ > 0) {
      if (!client || !client->usable()) {
        if (client) co_await client->quit();
        client.reset();
        delivery::SmtpClientOptions options;
        options.session.helo = "client.test";
        auto opened = co_await delivery::SmtpClient::open(
            machine_.net(loop_), timers_, {"a.test", *base::Endpoint::parse("192.0.2.1:25")},
            std::move(options));
        if (!opened) {
          const auto slept = co_await base::operation<base::Io<>>(
              [this](auto& done) { return loop_.sleep_until(loop_.now() + 1s, done); });
          if (!slept) co_return;
          continue;
        }
        client = std::move(*opened);
      }
      --left_;
      const std::string token = "token-" + std::to_string(++tokens_);
      std::string content = "Subject: " + token + "\r\n\r\n";
      // Some fill sectors and frames, some do not.
      content += std::string(static_cast<std::size_t>(tokens_ * 977 % 9'000), 'x') + "\r\n";
      OneMessage source(content);
      smtp::Transaction transaction{.reverse_path = "<s@client.test>",
                                    .forward_paths = {"<u@z.test>"},
                                    .size = content.size()};
      const auto results = co_await client->send(std::move(transaction), source);
      if (results[0].verdict == smtp::Verdict::accepted) {
        ledger_.acknowledged.insert(token);
      } else {
        ++left_;
      }
    }
    if (client) co_await client->quit();
  }

  sim::Machine& machine_;
  sim::SimLoop& loop_;
  engine::Timers timers_;
  Ledger& ledger_;
  int left_;
  int tokens_ = 0;
  base::Group group_;
};

void add_zone(dns::Zone& zone) {
  EXPECT_TRUE(zone.add_text("z.test", "MX", "10 mx.z.test."));
  EXPECT_TRUE(zone.add_text("mx.z.test", "A", "192.0.2.3"));
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t times = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++times;
  return times;
}

void read_mailbox(sim::SimDisk& disk, Ledger& ledger) {
  for (const std::string& path : disk.tree()) {
    if (path.find("/mail/u/new/") == path.npos || path.ends_with('/')) continue;
    const std::string content = disk.contents(path).value();
    const std::size_t at = content.find("token-");
    ASSERT_NE(at, content.npos) << path << ": " << content.size() << " octets";
    ++ledger.arrived[content.substr(at, content.find('\n', at) - at)];
    EXPECT_TRUE(content.ends_with("\n")) << path;
  }
}

Ledger run(const Plan& plan) {
  Ledger ledger;
  sim::World world(plan.seed);
  world.set_steps_max(200'000'000);
  add_zone(world.zone());
  sim::Link link;
  link.reset_per_mille = plan.resets_per_mille;
  world.network().set_default_link(link);
  Site a(world, "a.test", "192.0.2.1", a_config);
  Site z(world, "mx.z.test", "192.0.2.3", z_config);
  Client client(world, ledger, plan.messages);
  if (plan.skip) {
    a.machine().disk().set_skip(plan.skip);
    z.machine().disk().set_skip(plan.skip);
  }
  a.boot();
  z.boot();
  client.start();

  const auto drained = [&] { return client.is_done() && a.queued() == 0 && z.queued() == 0; };
  const base::Instant end = world.now() + 24h * 10;
  sim::Rng rng(plan.seed);
  while (!drained() && world.now() < end) {
    // Machines stop while there is something to lose; then what is left may arrive in peace.
    if (plan.crashes && !client.is_done()) {
      Site& victim = rng.chance(500) ? a : z;
      if (!victim.is_stopped()) victim.machine().stop_within(20s, plan.how);
    }
    const sim::Ran ran =
        world.run_while([&] { return !a.is_stopped() && !z.is_stopped() && !drained(); }, 24h * 10);
    // Nothing happens any more, and yet it is not done: a state without a timer (P2).
    if (ran != sim::Ran::done) break;
    for (Site* site : {&a, &z}) {
      if (site->is_stopped()) site->reboot();
      EXPECT_EQ(site->error(), "");
    }
  }
  ledger.drained = drained();
  ledger.left = "client " + std::to_string(client.is_done()) + ", a " + std::to_string(a.queued()) +
                ", z " + std::to_string(z.queued());
  client.finish(world);
  for (Site* site : {&a, &z}) {
    if (site->is_stopped()) site->reboot();
    site->shut_down();
  }
  // What was delivered must be on stable storage, too.
  z.machine().stop(sim::Stop::power_cut);
  z.machine().restart();
  read_mailbox(z.machine().disk(), ledger);
  ledger.logs = a.log() + z.log();
  ledger.unknown = count(ledger.logs, R"("event":"unknown")");
  ledger.fingerprint = world.fingerprint();
  return ledger;
}

TEST(Whole, mail_travels_by_mx_into_a_mailbox) {
  const Ledger ledger = run({.messages = 20});
  EXPECT_TRUE(ledger.drained) << ledger.left;
  EXPECT_EQ(ledger.acknowledged.size(), 20u);
  EXPECT_EQ(ledger.lost(), 0u);
  EXPECT_EQ(ledger.doubled(), 0u);
  EXPECT_EQ(ledger.unknown, 0u);
  EXPECT_EQ(count(ledger.logs, R"("event":"received")"), 40u);
  EXPECT_EQ(count(ledger.logs, R"("event":"delivered")"), 40u);
}

TEST(Whole, one_seed_gives_one_event_log_octet_for_octet) {
  const Plan plan{.seed = 7, .messages = 100, .resets_per_mille = 5, .crashes = true};
  const Ledger first = run(plan);
  const Ledger second = run(plan);
  EXPECT_EQ(first.logs, second.logs);
  EXPECT_EQ(first.fingerprint, second.fingerprint);
  EXPECT_FALSE(first.logs.empty());
}

TEST(Whole, every_acknowledged_message_is_accounted_for_through_power_cuts) {
  const Ledger ledger = run({.seed = 3, .messages = 1'000, .resets_per_mille = 2, .crashes = true});
  EXPECT_TRUE(ledger.drained) << ledger.left;
  EXPECT_EQ(ledger.acknowledged.size(), 1'000u);
  EXPECT_EQ(ledger.lost(), 0u);
}

TEST(Whole, after_kills_only_what_is_unknown_arrives_twice) {
  const Ledger ledger = run({.seed = 5,
                             .messages = 1'000,
                             .resets_per_mille = 2,
                             .crashes = true,
                             .how = sim::Stop::kill});
  EXPECT_TRUE(ledger.drained) << ledger.left;
  EXPECT_EQ(ledger.lost(), 0u);
  EXPECT_LE(ledger.doubled(), ledger.unknown);
}

TEST(Whole, nothing_is_lost_in_many_short_histories) {
  for (std::uint64_t seed = 100; seed < 130; ++seed) {
    const auto how = seed % 3 == 0 ? sim::Stop::kill : sim::Stop::power_cut;
    const Ledger ledger =
        run({.seed = seed, .messages = 40, .resets_per_mille = 20, .crashes = true, .how = how});
    EXPECT_TRUE(ledger.drained) << seed << ": " << ledger.left;
    EXPECT_EQ(ledger.lost(), 0u) << seed;
    if (how == sim::Stop::kill) EXPECT_LE(ledger.doubled(), ledger.unknown) << seed;
  }
}

}  // namespace
}  // namespace server
