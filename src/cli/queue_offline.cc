#include "cli/queue_offline.h"

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/group.h"
#include "delivery/delivery.h"
#include "engine/run_on.h"
#include "grammar/path.h"
#include "route/decide.h"
#include "server/settings.h"
#include "spool/spool.h"
#include "sys/linux/clock.h"
#include "sys/linux/disk.h"
#include "sys/linux/loop.h"

namespace cli {
namespace {

using Result = std::expected<void, std::string>;
using Found = std::function<void(base::MessageId id, const std::string& forward_path)>;

/// What recovery finds.
class Finds final : public spool::RecoverySink {
 public:
  void message(const spool::RecoveredMessage& message) override { ids.push_back(message.id); }
  void hop(std::string_view key, std::string_view blob) override {
    if (auto record = delivery::decode_hop(blob)) hops.insert_or_assign(std::string(key), *record);
  }

  std::vector<base::MessageId> ids;
  std::map<std::string, delivery::HopRecord, std::less<>> hops;
};

/// The spool, open for changes, as a server has it.
class Change {
 public:
  Change(const config::Config& config, const server::QueueFilter& filter, const Found& found)
      : config_(config),
        filter_(filter),
        found_(found),
        spool_({loop_, *disk_, commit_.loop(), *disk_, *clock_, *random_},
               server::spool_options(config)) {}

  Result run() {
    base::Group group;
    group.spawn(act());
    loop_.run();
    return result_;
  }

 private:
  base::Task<> act() {
    const auto opened = co_await spool_.open(finds_);
    if (opened) {
      spooling_.spawn(spool_.run());
      spooling_.spawn(commit_elsewhere());
      for (const base::MessageId id : finds_.ids) {
        if (filter_.may_match(id)) co_await change(id);
      }
      for (const std::string& hop : touched_hops_) hurry(hop);
      co_await spool_.stop();
      co_await spooling_.join();
    } else if (opened.error().code == base::IoErrorCode::busy) {
      result_ = std::unexpected(config_.data_dir + ": a server has just been started there");
    } else {
      result_ = std::unexpected(config_.data_dir + ": " + base::describe(opened.error()));
    }
    loop_.stop();
  }

  base::Task<base::Io<>> run_commits() {
    co_await spool_.run_commits();
    co_return base::Io<>{};
  }
  base::Task<> commit_elsewhere() {
    (void)co_await engine::run_on(commit_.loop(), loop_, run_commits());
  }

  base::Task<> change(base::MessageId id) {
    const auto message = spool_.load(id);
    if (!message) co_return;
    spool::Change change{id, {}};
    for (const std::uint32_t index : filter_.matches(*message)) {
      const std::string& path = message->envelope.recipients[index].forward_path;
      found_(id, path);
      touched_hops_.insert(next_hop(path));
      spool::RecipientStatus status = message->statuses[index];
      if (status.state == spool::RecipientState::held) continue;
      status.next_attempt = clock_->wall();
      change.items.push_back({index, std::move(status)});
    }
    if (change.items.empty()) co_return;
    const base::Io<> changed = co_await spool_.outcome(std::move(change));
    if (!changed) result_ = std::unexpected("the spool: " + base::describe(changed.error()));
  }

  std::string next_hop(std::string_view forward_path) const {
    const auto path = grammar::ForwardPath::parse(forward_path);
    if (!path) return {};
    return route::decide(*path, nullptr, {config_.local_domains, config_.routes}).next_hop;
  }

  /// What failed stays known: it counts for the messages that wait.
  void hurry(const std::string& hop) {
    const auto known = finds_.hops.find(hop);
    if (known == finds_.hops.end()) return;
    known->second.next_probe = clock_->wall();
    spool_.put_hop(hop, delivery::encode_hop(known->second));
  }

  const config::Config& config_;
  const server::QueueFilter& filter_;
  const Found& found_;
  std::unique_ptr<sys::Disk> disk_ = sys::real::make_disk();
  std::unique_ptr<sys::Clock> clock_ = sys::real::make_clock();
  std::unique_ptr<sys::Random> random_ = sys::real::make_random();
  sys::real::RealLoop loop_;
  sys::real::LoopThread commit_{"ph-commit"};
  Finds finds_;
  spool::Spool spool_;
  std::set<std::string> touched_hops_;
  base::Group spooling_;
  Result result_;
};

}  // namespace

Result retry_offline(const config::Config& config, const server::QueueFilter& filter,
                     const Found& found) {
  return Change(config, filter, found).run();
}

}  // namespace cli
