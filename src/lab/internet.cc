#include "lab/internet.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <set>

#include "base/assert.h"
#include "lab/foreign_host.h"
#include "lab/in_order.h"
#include "lab/sender.h"
#include "lab/site.h"
#include "lab/zone_keeper.h"
#include "server/settings.h"

namespace lab {

using namespace std::chrono_literals;

namespace {

/// How often it is looked whether anything is left to be done.
constexpr base::Duration slice = 1s;
/// For what has been told to end.
constexpr base::Duration end_time_max = 1h;
constexpr std::uint16_t smtp_port = 25;

class Internet {
 public:
  Internet(const Description& description, std::uint64_t seed);
  Result run();

 private:
  /// An outage begins or ends.
  struct Change {
    base::Duration at;
    const Outage* outage;
    bool begins;
  };

  void link_machines();
  void make_sender(const TrafficPlan& plan, std::uint64_t first);
  [[nodiscard]] Sender::Door door_of(const TrafficPlan& plan);
  [[nodiscard]] sim::Machine& client_machine(const base::IpAddress& address);
  void boot();
  void play();
  void apply_due();
  void apply_server(const Outage& outage, bool begins);
  void apply_dns();
  void apply_partitions();
  [[nodiscard]] bool is_done();
  [[nodiscard]] bool has_problem();
  void close();
  [[nodiscard]] Result result();
  [[nodiscard]] base::Duration now() const { return world_.now().time_since_epoch(); }

  const Description& description_;
  Ledger ledger_;
  Journal journal_;
  Books books_{ledger_, journal_};
  sim::World world_;
  ZoneKeeper zone_;
  std::deque<Site> sites_;
  std::deque<ForeignHost> foreign_;
  std::map<std::string, sim::Machine*> machines_;  ///< By name.
  std::map<std::string, sim::Machine*> clients_;   ///< By address.
  std::deque<Sender> senders_;
  std::vector<Change> changes_;
  std::vector<const Outage*> active_;
  std::string problem_;
  bool done_ = false;
  base::Duration took_{};
};

Internet::Internet(const Description& description, std::uint64_t seed)
    : description_(description), world_(seed), zone_(world_.zone(), description.records) {
  world_.set_steps_max(std::numeric_limits<std::uint64_t>::max() / 2);
  for (const LinkPlan& plan : description_.links) {
    if (plan.a.empty()) world_.network().set_default_link(plan.link);
  }
  for (const ServerPlan& plan : description_.servers) {
    sites_.emplace_back(world_, books_, plan);
    machines_[plan.name] = &sites_.back().machine();
    journal_.name_machine(plan.name, plan.name);
    journal_.name_machine(plan.config->hostname, plan.name);
    for (const base::IpAddress& address : plan.addresses)
      journal_.name_machine(address.to_string(), plan.name);
  }
  for (const ForeignPlan& plan : description_.foreign) {
    foreign_.emplace_back(world_, books_, plan.name, plan.address, plan.domains, plan.personality);
    machines_[plan.name] = &foreign_.back().machine();
    journal_.name_machine(plan.address.to_string(), plan.name);
  }
  for (const Outage& outage : description_.outages) {
    changes_.push_back({outage.from, &outage, true});
    if (outage.to < description_.duration) changes_.push_back({outage.to, &outage, false});
  }
  put_in_order(changes_, &Change::at);
  link_machines();
}

void Internet::link_machines() {
  for (const LinkPlan& plan : description_.links) {
    if (!plan.a.empty()) world_.link(*machines_.at(plan.a), *machines_.at(plan.b)) = plan.link;
  }
}

sim::Machine& Internet::client_machine(const base::IpAddress& address) {
  sim::Machine*& machine = clients_[address.to_string()];
  if (machine == nullptr)
    machine = &world_.make_machine("client " + address.to_string(), {address.to_string()});
  return *machine;
}

Sender::Door Internet::door_of(const TrafficPlan& plan) {
  const auto site =
      std::ranges::find(sites_, plan.server, [](const Site& one) { return one.plan().name; });
  PH_ASSERT(site != sites_.end());
  const config::Config& config = *site->plan().config;
  Sender::Door out{.name = plan.server, .unix_path = {}, .address = {}};
  if (!plan.client) {
    out.unix_path = server::submit_path(config.data_dir);
    return out;
  }
  out.address = {site->plan().addresses.front(), smtp_port};
  for (const config::Listener& listener : config.listeners) {
    if (listener.role != policy::ListenerRole::mx || !listener.unix_path.empty()) continue;
    out.address.port = listener.address.port;
    break;
  }
  return out;
}

void Internet::make_sender(const TrafficPlan& plan, std::uint64_t first) {
  sim::Machine& machine = plan.client ? client_machine(*plan.client) : *machines_.at(plan.server);
  senders_.emplace_back(machine, books_, plan, door_of(plan), first, world_.rng().fork());
}

bool Internet::has_problem() {
  for (const Site& site : sites_) {
    if (!site.error().empty()) problem_ = site.plan().name + ": " + site.error();
  }
  return !problem_.empty();
}

void Internet::boot() {
  for (ForeignHost& host : foreign_) host.boot();
  for (Site& site : sites_) {
    site.boot();
    const auto starts = [&site] { return !site.is_up() && site.error().empty(); };
    const sim::Ran ran = world_.run_while(starts, end_time_max);
    PH_ASSERT(ran == sim::Ran::done);
    if (has_problem()) return;
  }
  std::uint64_t first = 1;
  for (const TrafficPlan& plan : description_.traffic) {
    make_sender(plan, first);
    first += plan.messages;
  }
}

Result Internet::run() {
  boot();
  if (problem_.empty()) play();
  close();
  return result();
}

void Internet::play() {
  for (;;) {
    apply_due();
    done_ = is_done();
    if (has_problem() || done_ || now() >= description_.duration) break;
    base::Duration next = std::min(now() + slice, description_.duration);
    if (!changes_.empty()) next = std::min(next, changes_.front().at);
    (void)world_.run_until(base::Instant(next));
  }
  took_ = now();
}

/// Every message is where it ends, as far as can be known: of a server that is down for ever
/// nothing more comes.
bool Internet::is_done() {
  if (!std::ranges::all_of(senders_, &Sender::is_done)) return false;
  const bool more = std::ranges::any_of(changes_, [](const Change& one) { return !one.begins; });
  return std::ranges::all_of(sites_, [more](const Site& site) {
    const auto queued = site.queued();
    return queued ? *queued == 0 : !more;
  });
}

// Outages.

void Internet::apply_due() {
  while (!changes_.empty() && changes_.front().at <= now()) {
    const Change change = changes_.front();
    changes_.erase(changes_.begin());
    if (change.begins) {
      active_.push_back(change.outage);
    } else {
      std::erase(active_, change.outage);
    }
    switch (change.outage->kind) {
      case Outage::Kind::server: apply_server(*change.outage, change.begins); break;
      case Outage::Kind::dns: apply_dns(); break;
      case Outage::Kind::partition: apply_partitions(); break;
    }
  }
}

void Internet::apply_server(const Outage& outage, bool begins) {
  const std::string& name = outage.names.front();
  const bool others = std::ranges::any_of(active_, [&](const Outage* one) {
    return one != &outage && one->kind == Outage::Kind::server && one->names.front() == name;
  });
  if (others) return;  // It was down, or stays so.
  for (Site& site : sites_) {
    if (site.plan().name != name) continue;
    if (begins) {
      site.go_down(outage.how);
    } else {
      site.come_up();
    }
  }
  for (ForeignHost& host : foreign_) {
    if (&host.machine() != machines_.at(name)) continue;
    if (!begins) {
      if (host.machine().is_stopped()) host.machine().restart();
      host.boot();
      continue;
    }
    if (outage.how != Outage::How::stop)
      host.machine().stop(outage.how == Outage::How::kill ? sim::Stop::kill : sim::Stop::power_cut);
    host.stop();
    const sim::Ran ran = world_.run_while([&host] { return !host.has_ended(); }, end_time_max);
    PH_ASSERT(ran == sim::Ran::done);
    host.bury();
  }
}

void Internet::apply_dns() {
  zone_.restore();
  for (const Outage* outage : active_) {
    if (outage->kind == Outage::Kind::dns) zone_.fail(outage->names.front(), outage->answer);
  }
}

void Internet::apply_partitions() {
  const auto parted = [this](const std::string& a, const std::string& b) {
    return std::ranges::any_of(active_, [&](const Outage* outage) {
      if (outage->kind != Outage::Kind::partition) return false;
      const auto& names = outage->names;
      return (std::ranges::find(names, a) != names.end()) !=
             (std::ranges::find(names, b) != names.end());
    });
  };
  std::map<std::string, sim::Machine*> all = machines_;
  for (const auto& [address, machine] : clients_) all[machine->name()] = machine;
  for (auto a = all.begin(); a != all.end(); ++a) {
    for (auto b = std::next(a); b != all.end(); ++b)
      world_.link(*a->second, *b->second).down = parted(a->first, b->first);
  }
}

// The end.

void Internet::close() {
  for (Sender& sender : senders_) sender.stop();
  for (Site& site : sites_) site.go_down(Outage::How::stop);
  for (ForeignHost& host : foreign_) {
    if (host.is_up()) host.stop();
  }
  const auto busy = [this] {
    return !std::ranges::all_of(senders_, &Sender::has_ended) ||
           !std::ranges::all_of(
               foreign_, [](const ForeignHost& host) { return !host.is_up() || host.has_ended(); });
  };
  const sim::Ran ran = world_.run_while(busy, end_time_max);
  PH_ASSERT(ran == sim::Ran::done);
  if (problem_.empty()) {
    for (Site& site : sites_) site.close();
  }
  journal_.finish();
}

std::uint64_t figure(const Totals& totals, std::string_view name) {
  for (const auto& [known, value] : figures(totals)) {
    if (known == name) return value;
  }
  PH_ASSERT(false);
  return 0;
}

bool holds(const Expectation& expectation, std::uint64_t found) {
  switch (expectation.bound) {
    case Expectation::Bound::exactly: return found == expectation.value;
    case Expectation::Bound::at_least: return found >= expectation.value;
    case Expectation::Bound::at_most: return found <= expectation.value;
  }
  return false;
}

Result Internet::result() {
  Result out{.totals = ledger_.totals(), .took = took_, .done = done_, .problem = problem_};
  for (const Ledger::Key& key : ledger_.lost()) out.lost.push_back(key);
  for (const Expectation& expectation : description_.expectations) {
    const std::uint64_t found = figure(out.totals, expectation.what);
    if (!holds(expectation, found))
      out.failures.push_back({expectation.key, expectation.value, found});
  }
  out.journeys = journal_.journeys();
  out.outages = description_.outages;
  out.machines.emplace_back("client");
  for (const ServerPlan& plan : description_.servers) out.machines.push_back(plan.name);
  for (const ForeignPlan& plan : description_.foreign) out.machines.push_back(plan.name);
  return out;
}

}  // namespace

Result run(const Description& description, std::uint64_t seed) {
  return Internet(description, seed).run();
}

}  // namespace lab
