#include "delivery/smtp_worker.h"

#include <algorithm>
#include <utility>

#include "base/escape.h"
#include "delivery/hosts.h"

namespace delivery {

using dsn::Outcome;
using smtp::Stage;
using smtp::Verdict;

namespace {

/// The content of a letter, and the record that its last octets are about to be sent.
class LetterSource final : public ContentSource {
 public:
  LetterSource(spool::Spool& spool, const Letter& letter, std::vector<std::uint32_t> recipients)
      : spool_(spool),
        id_(letter.id),
        content_(spool, letter),
        recipients_(std::move(recipients)) {}

  base::Io<std::span<const std::string_view>> next() override { return content_.next(); }
  [[nodiscard]] bool at_end() const override { return content_.at_end(); }
  base::Task<base::Io<>> before_final_dot() override {
    return spool_.attempt_begun(id_, recipients_);
  }

 private:
  spool::Spool& spool_;
  base::MessageId id_;
  LetterContent content_;
  std::vector<std::uint32_t> recipients_;
};

std::string without_reply(Verdict verdict, const std::string& closed_because) {
  if (verdict == Verdict::unknown) return "no reply after the content: " + closed_because;
  return closed_because.empty() ? "connection lost" : closed_because;
}

}  // namespace

base::Task<> SmtpWorker::run(std::unique_ptr<queue::Entry> entry) {
  while (entry) {
    co_await deliver(std::move(entry));
    const std::size_t most = delivery_.settings().messages_per_connection;
    if (client_ && (!client_->usable() || client_->transactions() >= most)) co_await disconnect();
    if (hop_.backing_off()) break;
    // Without a connection there is nothing to keep: another worker begins where this one ended.
    entry = client_ ? co_await delivery_.next_entry(hop_) : delivery_.take(hop_);
  }
  co_await disconnect();
}

Attempt SmtpWorker::attempt() const {
  return {.host = last_.name,
          .address = last_.name.empty() ? "" : last_.endpoint.to_string(),
          .tls = last_tls_,
          .via = hop_.key()};
}

void SmtpWorker::settle_all(Outcome outcome, const std::string& reply, const std::string& status) {
  for (Open& open : open_) results_.push_back({open.recipient, outcome, false, reply, status});
  open_.clear();
}

base::Task<> SmtpWorker::deliver(std::unique_ptr<queue::Entry> entry) {
  std::optional<Letter> letter = delivery_.open(entry, decision_);
  if (!letter) co_return;
  next_address_ = 0;
  greeted_ = 0;
  all_permanent_ = true;
  failure_.clear();
  last_tls_.clear();
  open_.clear();
  results_.clear();
  for (const std::uint32_t recipient : entry->recipients) open_.push_back({recipient, {}, {}});

  bool answered = false;
  if (client_) {
    // The host that this connection leads to comes first; once more, if the connection was stale.
    last_ = client_->host();
    last_tls_ = client_->tls_description();
    answered = co_await transact(*letter);
    greeted_ = answered ? 1 : 0;
  }
  if (!open_.empty() && !co_await find(decision_)) {
    if (!open_.empty() && !answered) {
      delivery_.hop_failed(std::move(entry), attempt(), failure_);
      co_return;
    }
  }
  const auto same = std::ranges::find(addresses_, last_.endpoint, &HostAddress::endpoint);
  if (answered && same != addresses_.end()) {
    std::iter_swap(addresses_.begin(), same);
    next_address_ = 1;
  }
  while (!open_.empty() && next_address_ < addresses_.size()) {
    if (co_await connect_next()) (void)co_await transact(*letter);
  }
  if (!open_.empty() && greeted_ == 0 && !all_permanent_) {
    delivery_.hop_failed(std::move(entry), attempt(), failure_);
    co_return;
  }
  // Every host refused its service for good: that is an answer [RFC5321 4.2.4.2].
  if (greeted_ == 0 && !open_.empty()) settle_all(Outcome::bounced, failure_, "");
  for (Open& open : open_) {
    results_.push_back({open.recipient, Outcome::deferred, false,
                        open.reply.empty() ? failure_ : open.reply, open.status});
  }
  co_await delivery_.close(std::move(entry), *letter, std::move(results_), attempt());
}

/// Finds the hosts of the next hop. False: there are none now (failure_), or none at all, and then
/// all recipients are settled.
base::Task<bool> SmtpWorker::find(const route::Decision& decision) {
  const Settings& settings = delivery_.settings();
  const auto hosts = co_await find_hosts(delivery_.world_.resolver, decision, settings.lookup,
                                         delivery_.world_.random.next());
  if (!hosts) {
    addresses_.clear();
    last_ = {};
    failure_ = hosts.error().reply();
    if (!hosts.error().is_temporary()) {
      delivery_.hop_reached(hop_);
      settle_all(Outcome::bounced, failure_, std::string(status_of(hosts.error().why)));
    }
    co_return false;
  }
  const std::uint16_t port =
      decision.kind == route::NextHopKind::host ? decision.target.port : settings.lookup.port;
  addresses_ = addresses_of(*hosts, port);
  co_return true;
}

base::Task<SmtpClient::Opened> SmtpWorker::connect(HostAddress address, TlsDemand demand) {
  const Settings& settings = delivery_.settings();
  SmtpClientOptions options;
  options.session.helo = settings.helo;
  switch (demand) {
    case TlsDemand::off: options.session.tls = smtp::TlsPolicy::off; break;
    case TlsDemand::opportunistic: options.session.tls = smtp::TlsPolicy::opportunistic; break;
    case TlsDemand::require:
    case TlsDemand::verify: options.session.tls = smtp::TlsPolicy::required; break;
  }
  options.verify = demand == TlsDemand::verify;
  options.tls = settings.tls_client;
  options.implicit_tls = decision_.target.scheme == route::Scheme::smtps;
  options.source = address.endpoint.address.is_v4() ? settings.source_v4 : settings.source_v6;
  co_return co_await SmtpClient::open(delivery_.world_.net, delivery_.world_.timers,
                                      std::move(address), std::move(options));
}

/// Connects to the next address. False: that was not to be.
base::Task<bool> SmtpWorker::connect_next() {
  co_await disconnect();
  last_ = addresses_[next_address_++];
  last_tls_.clear();
  const TlsDemand demand = delivery_.settings().tls;
  auto opened = co_await connect(last_, demand);
  if (!opened && opened.error().tls_failed && demand == TlsDemand::opportunistic) {
    opened = co_await connect(last_, TlsDemand::off);
  }
  if (!opened) {
    all_permanent_ = all_permanent_ && opened.error().permanent();
    failure_ = opened.error().text;
    co_return false;
  }
  client_ = std::move(*opened);
  last_tls_ = client_->tls_description();
  ++greeted_;
  delivery_.hop_reached(hop_);
  co_return true;
}

/// Offers the message to the connected host for all open recipients; those that it answers for are
/// settled. False: a connection that was kept open turned out to be gone.
base::Task<bool> SmtpWorker::transact(const Letter& letter) {
  const bool kept = client_->transactions() > 0;
  for (;;) {
    smtp::Transaction transaction;
    std::vector<std::uint32_t> recipients;
    transaction.reverse_path = letter.envelope->reverse_path;
    for (const Open& open : open_) {
      recipients.push_back(open.recipient);
      transaction.forward_paths.push_back(letter.envelope->recipients[open.recipient].forward_path);
    }
    transaction.size = letter.size;
    transaction.eight_bit = letter.envelope->eight_bit;
    LetterSource source(delivery_.world_.spool, letter, std::move(recipients));
    const auto verdicts = co_await client_->send(std::move(transaction), source);

    std::vector<Open> asked = std::exchange(open_, {});
    bool stale = kept;
    bool again = false;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const smtp::RecipientResult& verdict = verdicts[i];
      stale = stale && verdict.verdict == Verdict::lost && !verdict.reply;
      again = again || verdict.verdict == Verdict::another_transaction;
      if (!settle(verdict, asked[i])) open_.push_back(std::move(asked[i]));
    }
    if (stale) co_return false;
    // The rest goes in another transaction at once, as long as each one gets something done.
    if (!again || open_.size() == asked.size() || !client_->usable()) co_return true;
  }
}

/// False: another host is to be asked, and `open` has what this one said.
bool SmtpWorker::settle(const smtp::RecipientResult& result, Open open) {
  const std::string reply = result.reply ? smtp::one_line(*result.reply)
                                         : without_reply(result.verdict, client_->closed_because());
  const bool before_content = result.stage < Stage::data;
  switch (result.verdict) {
    case Verdict::accepted:
      results_.push_back({open.recipient, Outcome::delivered, false, reply, {}});
      return true;
    case Verdict::permanent:
    case Verdict::refused_here:
      results_.push_back({open.recipient, Outcome::bounced, false, reply, {}});
      return true;
    case Verdict::unknown:
      results_.push_back({open.recipient, Outcome::deferred, true, reply, {}});
      return true;
    case Verdict::transient:
      if (before_content) break;
      results_.push_back({open.recipient, Outcome::deferred, false, reply, {}});
      return true;
    case Verdict::lost:
    case Verdict::another_transaction:
    case Verdict::abandoned: break;
  }
  failure_ = reply;
  return false;
}

base::Task<> SmtpWorker::disconnect() {
  if (!client_) co_return;
  co_await client_->quit();
  client_.reset();
}

}  // namespace delivery
