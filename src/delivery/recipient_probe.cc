#include "delivery/recipient_probe.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/group.h"
#include "delivery/client_options.h"
#include "delivery/hosts.h"
#include "delivery/outgoing.h"
#include "delivery/routing.h"
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

std::optional<RecipientProbe::Question> RecipientProbe::question_of(
    const std::string& deliver_target, std::string forward_path) const {
  Question out;
  if (!deliver_target.empty()) {
    auto target = route::parse_target(deliver_target);
    if (!target) return std::nullopt;
    out.decision.kind = route::NextHopKind::host;
    out.decision.target = std::move(*target);
  } else {
    const auto path = grammar::ForwardPath::parse(forward_path);
    if (!path) return std::nullopt;
    const std::shared_ptr<const Settings> settings = settings_();
    const spool::Envelope nobody;
    out.decision = Routing(*settings, nobody).decide(*path, false, "");
    out.by_route = true;
    if (!out.decision.tls && settings->tls == TlsDemand::opportunistic) {
      out.decision.tls = TlsDemand::off;  // A question holds nothing that it is worth the time for.
    }
  }
  out.forward_path = std::move(forward_path);
  return out;
}

base::Task<Probed> RecipientProbe::ask(std::string deliver_target, std::string forward_path) {
  std::string key = deliver_target + '\n' + forward_path;
  if (const auto known = remembered(key)) co_return *known;
  auto question = question_of(deliver_target, std::move(forward_path));
  if (!question || asking_ == asking_max) co_return Probed::unavailable;
  if (question->by_route && remembered(question->decision.next_hop)) {
    co_return Probed::unavailable;  // It is down.
  }
  const std::string hop = question->by_route ? question->decision.next_hop : std::string();
  ++asking_;
  Asked asked;
  {
    base::Group asking;
    Patience limit(timers_, asking);
    limit.set(timers_.now() + patience);
    asking.spawn(ask_server(std::move(*question), asked));
    co_await asking.join();
  }
  --asking_;
  if (asked.probed != Probed::unavailable) {
    const bool known = asked.probed == Probed::known;
    remember(std::move(key), asked.probed, known ? known_for : unknown_for);
  } else if (!hop.empty() && !asked.reached) {
    remember(hop, Probed::unavailable, down_for);
  }
  co_return asked.probed;
}

/// `asked` outlives it.
base::Task<> RecipientProbe::ask_server(Question question, Asked& asked) {
  const std::shared_ptr<const Settings> settings = settings_();
  const route::Decision& decision = question.decision;
  std::vector<HostAddress> addresses;
  if (const auto socket = unix_address_of(decision.target)) {
    addresses.push_back(*socket);
  } else if (decision.target.is_host() || decision.kind == route::NextHopKind::mx) {
    const auto hosts = co_await find_hosts(resolver_, decision, settings->lookup, random_.next());
    if (hosts) addresses = addresses_of(*hosts);
  }
  for (const HostAddress& address : addresses) {
    auto client = co_await open_client({net_, timers_, random_}, settings, decision, address);
    if (!client) continue;
    asked.reached = true;
    asked.probed = co_await ask_client(std::move(*client), question.forward_path);
    if (asked.probed != Probed::unavailable) co_return;
  }
}

std::optional<Probed> RecipientProbe::remembered(const std::string& key) {
  const auto known = answers_.find(key);
  if (known == answers_.end()) return std::nullopt;
  if (timers_.now() < known->second.until) return known->second.probed;
  answers_.erase(known);
  return std::nullopt;
}

void RecipientProbe::remember(std::string key, Probed probed, base::Duration time) {
  const base::Instant now = timers_.now();
  if (answers_.size() >= answers_max) {
    std::erase_if(answers_, [now](const auto& one) { return one.second.until <= now; });
  }
  // All of them are fresh: somebody asks for whatever comes to mind. Better to ask again.
  if (answers_.size() >= answers_max) answers_.clear();
  answers_[std::move(key)] = {probed, now + time};
}

}  // namespace delivery
