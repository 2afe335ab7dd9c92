#include "delivery/recipient_probe.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/group.h"
#include "delivery/client_options.h"
#include "delivery/hosts.h"
#include "delivery/outgoing.h"
#include "delivery/smtp_client.h"
#include "engine/timers.h"
#include "sys/clock.h"

namespace delivery {

namespace {

/// Cuts off a question that takes too long.
class Patience final : public engine::Deadline {
 public:
  Patience(engine::Timers& timers, base::Group& asking) : Deadline(timers), asking_(asking) {}

 private:
  void expired() noexcept override { asking_.cancel(); }
  base::Group& asking_;
};

/// For transactions that end before their content.
class NoContent final : public ContentSource {
 public:
  base::Io<std::span<const std::string_view>> next() override {
    return base::io_error(base::IoErrorCode::closed);
  }
  [[nodiscard]] bool at_end() const override { return true; }
  base::Task<base::Io<>> before_final_dot() override {
    co_return base::io_error(base::IoErrorCode::closed);
  }
};

[[nodiscard]] Probed probed_of(const smtp::RecipientResult& result) {
  using smtp::Verdict;
  switch (result.verdict) {
    case Verdict::abandoned: return Probed::known;
    case Verdict::permanent:
      return result.stage == smtp::Stage::rcpt ? Probed::unknown : Probed::unavailable;
    case Verdict::refused_here: return Probed::unknown;  // Of another alphabet than the server's.
    case Verdict::accepted:
    case Verdict::transient:
    case Verdict::another_transaction:
    case Verdict::lost:
    case Verdict::unknown: break;
  }
  return Probed::unavailable;
}

/// Asks one host that has been connected to.
[[nodiscard]] base::Task<Probed> ask_client(std::unique_ptr<SmtpClient> client,
                                            std::string forward_path) {
  smtp::Transaction transaction;
  transaction.reverse_path = "<>";
  transaction.forward_paths.push_back(forward_path_to_say(forward_path));
  transaction.ask_only = true;
  NoContent content;
  const auto results = co_await client->send(std::move(transaction), content);
  co_await client->quit();
  co_return probed_of(results.front());
}

}  // namespace

RecipientProbe::RecipientProbe(sys::Net& net, engine::Timers& timers, engine::Resolver& resolver,
                               sys::Random& random,
                               std::function<std::shared_ptr<const Settings>()> settings)
    : net_(net),
      timers_(timers),
      resolver_(resolver),
      random_(random),
      settings_(std::move(settings)) {}

base::Task<Probed> RecipientProbe::ask(std::string deliver_target, std::string forward_path) {
  std::string key = deliver_target + '\n' + forward_path;
  if (const auto known = answers_.find(key); known != answers_.end()) {
    if (timers_.now() < known->second.until) co_return known->second.probed;
    answers_.erase(known);
  }
  auto target = route::parse_target(deliver_target);
  if (!target || asking_ == asking_max) co_return Probed::unavailable;
  ++asking_;
  Probed probed = Probed::unavailable;
  {
    base::Group asking;
    Patience limit(timers_, asking);
    limit.set(timers_.now() + patience);
    asking.spawn(ask_server(std::move(*target), std::move(forward_path), probed));
    co_await asking.join();
  }
  --asking_;
  if (probed != Probed::unavailable) remember(std::move(key), probed);
  co_return probed;
}

/// `probed` outlives it, and is changed when the answer is there.
base::Task<> RecipientProbe::ask_server(route::Target target, std::string forward_path,
                                        Probed& probed) {
  const std::shared_ptr<const Settings> settings = settings_();
  route::Decision decision;
  decision.kind = route::NextHopKind::host;
  decision.target = std::move(target);
  std::vector<HostAddress> addresses;
  if (const auto socket = unix_address_of(decision.target)) {
    addresses.push_back(*socket);
  } else if (decision.target.is_host()) {
    const auto hosts = co_await find_hosts(resolver_, decision, settings->lookup, random_.next());
    if (hosts) addresses = addresses_of(*hosts);
  }
  for (const HostAddress& address : addresses) {
    auto client = co_await open_client({net_, timers_, random_}, settings, decision, address);
    if (!client) continue;
    probed = co_await ask_client(std::move(*client), forward_path);
    if (probed != Probed::unavailable) co_return;
  }
}

void RecipientProbe::remember(std::string key, Probed probed) {
  const base::Instant now = timers_.now();
  if (answers_.size() >= answers_max) {
    std::erase_if(answers_, [now](const auto& one) { return one.second.until <= now; });
  }
  // All of them are fresh: somebody asks for whatever comes to mind. Better to ask again.
  if (answers_.size() >= answers_max) answers_.clear();
  const base::Duration time = probed == Probed::known ? known_for : unknown_for;
  answers_[std::move(key)] = {probed, now + time};
}

}  // namespace delivery
