#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "lab/foreign_client_testing.h"
#include "lab/foreign_host.h"
#include "server/site_testing.h"

// The whole among strangers: clients and next hops as there are outside, and a ledger that knows
// what each of them was told and what each of them has.
namespace lab {
namespace {

using namespace std::chrono_literals;

struct HostPlan {
  std::string name;  ///< Its domain is below `.test`.
  Personality personality;
};

struct Scenario {
  std::uint64_t seed = 1;
  std::vector<HostPlan> hosts;
  std::vector<ClientPlan> clients = {{}};
  std::string expire = "5d";
  bool crashes = false;
  sim::Stop how = sim::Stop::power_cut;
  unsigned resets_per_mille = 0;
  bool forgets_syncs = false;  ///< A mutation: every sync of the log does nothing.
};

struct Outcome {
  Ledger ledger;
  std::string log;
  std::uint64_t fingerprint = 0;
  std::size_t left = 0;
  bool drained = false;
  base::Duration took{};  ///< Virtual time.

  [[nodiscard]] std::size_t events(std::string_view name) const {
    const std::string text = "\"event\":\"" + std::string(name) + "\"";
    std::size_t count = 0;
    for (std::size_t at = log.find(text); at != log.npos; at = log.find(text, at + 1)) ++count;
    return count;
  }
};

std::string config_for(const Scenario& scenario) {
  std::string out = R"(
hostname = "a.test"
data_dir = "/data"
[[listener]]
address = "192.0.2.1:25"
role = "mx"
[relay]
networks = ["198.51.100.0/24"]
[delivery]
refuse_networks = []
[queue]
retry = ["1m", "5m", "15m"]
warn_after = ""
expire = ")" + scenario.expire +
                    R"("
[admin]
address = ""
)";
  for (std::size_t i = 0; i < scenario.hosts.size(); ++i)
    if (scenario.hosts[i].personality.lmtp)
      out += "[[route]]\nrecipient = \"" + scenario.hosts[i].name +
             ".test\"\nvia = \"lmtp:203.0.113." + std::to_string(i + 1) + ":24\"\n";
  return out;
}

class Traffic {
 public:
  explicit Traffic(const Scenario& scenario)
      : scenario_(scenario),
        world_(scenario.seed),
        site_(world_, "a.test", "192.0.2.1", config_for(scenario)) {
    world_.set_steps_max(2'000'000'000);
    sim::Link link;
    link.reset_per_mille = scenario.resets_per_mille;
    world_.network().set_default_link(link);
    std::vector<std::string> domains;
    for (const HostPlan& host : scenario.hosts) {
      domains.push_back(host.name + ".test");
      const std::string address = "203.0.113." + std::to_string(hosts_.size() + 1);
      add_host(domains.back(), address, host.personality);
    }
    add_host("client.test", "203.0.113.200", {});
    if (scenario.forgets_syncs)
      site_.machine().disk().set_skip(
          [](sim::DiskOperation, const std::string& path, auto) { return path.contains("/log."); });
    site_.boot();
    for (const ClientPlan& client : scenario.clients)
      clients_.emplace_back(world_, out_.ledger,
                            "198.51.100." + std::to_string(clients_.size() + 1), domains, client);
  }

  Outcome run() {
    const base::Instant begin = world_.now();
    const base::Instant end = begin + 24h * 20;
    sim::Rng rng(scenario_.seed);
    while (!drained() && world_.now() < end) {
      if (scenario_.crashes && !clients_done() && !site_.is_stopped())
        site_.machine().stop_within(base::Duration(1min) * (1 + rng.below(20)), scenario_.how);
      const sim::Ran ran =
          world_.run_while([&] { return !site_.is_stopped() && !drained(); }, end - world_.now());
      // Nothing happens any more, and yet it is not done: a state without a timer (P2).
      if (ran != sim::Ran::done) break;
      if (site_.is_stopped()) site_.reboot();
      EXPECT_EQ(site_.error(), "");
    }
    out_.drained = drained();
    out_.left = site_.queued();
    out_.took = world_.now() - begin;
    shut_down();
    out_.log = site_.log();
    out_.fingerprint = world_.fingerprint();
    return std::move(out_);
  }

 private:
  void add_host(const std::string& domain, const std::string& address, Personality personality) {
    personality.unknown = {"no"};
    EXPECT_TRUE(world_.zone().add_text(domain, "MX", "10 mx." + domain + "."));
    EXPECT_TRUE(world_.zone().add_text("mx." + domain, "A", address));
    hosts_.emplace_back(world_, Books{out_.ledger, journal_}, "mx." + domain,
                        *base::IpAddress::parse(address), std::vector{domain},
                        std::move(personality));
    hosts_.back().boot();
  }
  [[nodiscard]] bool clients_done() const {
    return std::ranges::all_of(clients_, &Client::is_done);
  }
  [[nodiscard]] bool drained() const { return clients_done() && site_.queued() == 0; }

  void shut_down() {
    site_.machine().stop_not();
    if (site_.is_stopped()) site_.reboot();
    site_.shut_down();
    for (Client& client : clients_) client.stop();
    for (ForeignHost& host : hosts_) host.stop();
    const auto busy = [this] {
      return !std::ranges::all_of(clients_, &Client::ended) ||
             !std::ranges::all_of(hosts_, &ForeignHost::has_ended);
    };
    EXPECT_EQ(world_.run_while(busy, 1h), sim::Ran::done);
  }

  Scenario scenario_;
  Outcome out_;
  Journal journal_;
  sim::World world_;
  server::Site site_;
  std::deque<ForeignHost> hosts_;
  std::deque<Client> clients_;
};

Outcome run(const Scenario& scenario) { return Traffic(scenario).run(); }

std::string print(const std::set<Ledger::Key>& keys) {
  std::string out = std::to_string(keys.size());
  for (const auto& [token, domain] : keys) out += " " + token + "@" + domain;
  return out.substr(0, 500);
}

/// What holds whatever happens. `doubled_max`: messages that may have been sent again although
/// their host had said that it has them (P4).
void expect_sound(const Outcome& outcome, std::string_view name, std::size_t doubled_max = 0) {
  const Ledger& ledger = outcome.ledger;
  EXPECT_TRUE(outcome.drained) << name << ": left " << outcome.left;
  EXPECT_TRUE(ledger.lost().empty()) << name << ": " << print(ledger.lost());
  EXPECT_LE(ledger.doubled().size(), doubled_max) << name << ": " << print(ledger.doubled());
  EXPECT_TRUE(ledger.wrongly_reported().empty())
      << name << ": " << print(ledger.wrongly_reported());
  EXPECT_TRUE(ledger.altered().empty()) << name << ": " << ledger.altered().size();
}

enum class End : std::uint8_t { arrives, is_reported, either };

struct PersonalityCase {
  std::string_view name;
  Personality personality;
  End end = End::arrives;
  std::string expire = "5d";
};

const PersonalityCase personality_cases[] = {
    {"modern", {}},
    {"offers nothing", {.offers = {}}},
    {"without EHLO [RFC821]", {.offers = {}, .knows_ehlo = false}},
    {"CHUNKING", {.offers = {"PIPELINING", "CHUNKING", "8BITMIME"}}},
    {"everything", {.offers = {"PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE"}}},
    {"CHUNKING alone", {.offers = {"CHUNKING"}}},
    {"LMTP", {.lmtp = true}},
    {"greylists for 10 minutes", {.greylists = 10min}},
    {"a storm of 4yz", {.storm_per_mille = 300}},
    {"broken TLS", {.breaks_tls = true}},
    {"closes at the dot, without the message", {.closes_before_dot = true}},
    {"closes at the dot, with the message", {.closes_after_dot = true}},
    {"drops connections anywhere", {.drops_per_mille = 30}},
    {"a tarpit", {.each_octet = 1s}},
    {"silent", {.silent = true}, End::is_reported, "2h"},
};

TEST(Foreign, each_kind_of_next_hop_alone) {
  for (const PersonalityCase& row : personality_cases) {
    const Outcome outcome = run({.hosts = {{"z", row.personality}},
                                 .clients = {{.messages = 200, .unknown_per_mille = 50}},
                                 .expire = row.expire});
    expect_sound(outcome, row.name);
    EXPECT_EQ(outcome.ledger.totals().sent, 200u) << row.name;
    if (row.end == End::arrives) EXPECT_GT(outcome.ledger.totals().delivered, 170u) << row.name;
    if (row.end == End::is_reported) EXPECT_EQ(outcome.ledger.totals().bounced, 200u) << row.name;
  }
}

struct ClientCase {
  std::string_view name;
  ClientPlan plan;
};

const ClientCase client_cases[] = {
    {"polite", {.manner = Manner::polite}},
    {"pipelines everything", {.manner = Manner::pipelines}},
    {"slow", {.manner = Manner::slow}},
    {"vanishes in the middle of the content", {.manner = Manner::vanishes}},
};

TEST(Foreign, each_kind_of_client_alone) {
  for (const ClientCase& row : client_cases) {
    const Outcome outcome = run({.hosts = {{"z", {}}}, .clients = {row.plan}});
    expect_sound(outcome, row.name);
    EXPECT_EQ(outcome.ledger.totals().delivered, 100u) << row.name;
    EXPECT_EQ(outcome.events("received"), 100u) << row.name;
  }
}

std::vector<HostPlan> everybody() {
  std::vector<HostPlan> out;
  for (const PersonalityCase& row : personality_cases)
    out.push_back({"h" + std::to_string(out.size()), row.personality});
  return out;
}

std::vector<ClientPlan> all_clients(int messages, base::Duration between) {
  std::vector<ClientPlan> out;
  for (const ClientCase& row : client_cases) {
    out.push_back(row.plan);
    out.back().messages = messages;
    out.back().between = between;
    out.back().unknown_per_mille = 30;
    out.back().to_two = true;
  }
  return out;
}

TEST(Foreign, all_together) {
  const Outcome outcome =
      run({.seed = 4, .hosts = everybody(), .clients = all_clients(200, {}), .expire = "1d"});
  expect_sound(outcome, "all together");
  EXPECT_GE(outcome.ledger.totals().sent, 1'000u);
}

/// The longest time, in seconds, from acceptance to delivery in `domain`.
double longest_delay(const std::string& log, const std::string& domain) {
  double longest = 0;
  for (std::size_t at = 0; at < log.size();) {
    const std::size_t end = log.find('\n', at);
    const std::string_view line = std::string_view(log).substr(at, end - at);
    at = end + 1;
    constexpr std::string_view key = "\"delay\":";
    const std::size_t delay = line.find(key);
    if (line.contains("\"delivered\"") && line.contains("@" + domain + "\"") && delay != line.npos)
      longest = std::max(longest, std::stod(std::string(line.substr(delay + key.size(), 20))));
  }
  return longest;
}

TEST(Foreign, slow_and_dead_hosts_delay_nobody_else) {
  const Outcome outcome =
      run({.seed = 6,
           .hosts = {{"good", {}}, {"tarpit", {.each_octet = 1s}}, {"silent", {.silent = true}}},
           .clients = {{.messages = 500}, {.messages = 500}, {.messages = 500}},
           .expire = "6h"});
  expect_sound(outcome, "slow and dead hosts");
  EXPECT_GT(longest_delay(outcome.log, "tarpit.test"), 600.0) << "it was no tarpit";
  EXPECT_LT(longest_delay(outcome.log, "good.test"), 2.0);
}

TEST(Foreign, a_day_of_traffic) {
  const Outcome outcome = run({.seed = 5,
                               .hosts = everybody(),
                               .clients = all_clients(500, 172s),
                               .expire = "6h",
                               .resets_per_mille = 1});
  // A reset may hit any reply.
  expect_sound(outcome, "a day", outcome.ledger.totals().sent);
  EXPECT_GE(outcome.took, 23h);
}

TEST(Foreign, crashes_lose_nothing) {
  for (std::uint64_t seed = 20; seed < 26; ++seed) {
    const bool kill = seed % 2 == 0;
    const Outcome outcome = run({.seed = seed,
                                 .hosts = everybody(),
                                 .clients = all_clients(60, 30s),
                                 .expire = "6h",
                                 .crashes = true,
                                 .how = kill ? sim::Stop::kill : sim::Stop::power_cut});
    // After a kill what is sent twice has its `unknown`; a power cut hides the window.
    const std::size_t doubled_max = kill ? outcome.events("unknown") : outcome.ledger.totals().sent;
    expect_sound(outcome, "seed " + std::to_string(seed), doubled_max);
  }
}

TEST(Foreign, the_ledger_finds_what_a_missing_sync_loses) {
  std::size_t lost = 0;
  for (std::uint64_t seed = 30; seed < 36 && lost == 0; ++seed)
    lost = run({.seed = seed,
                .hosts = {{"z", {.greylists = 10min}}},
                .clients = all_clients(60, 30s),
                .crashes = true,
                .forgets_syncs = true})
               .ledger.lost()
               .size();
  EXPECT_GT(lost, 0u);
}

TEST(Foreign, one_seed_gives_one_event_log_octet_for_octet) {
  const Scenario scenario{.seed = 9,
                          .hosts = everybody(),
                          .clients = all_clients(30, 20s),
                          .expire = "2h",
                          .crashes = true,
                          .resets_per_mille = 5};
  const Outcome first = run(scenario);
  const Outcome second = run(scenario);
  EXPECT_EQ(first.log, second.log);
  EXPECT_EQ(first.fingerprint, second.fingerprint);
  EXPECT_FALSE(first.log.empty());
}

}  // namespace
}  // namespace lab
