#include "delivery/smtp_worker.h"

#include <algorithm>
#include <utility>

#include "base/escape.h"
#include "delivery/client_options.h"
#include "delivery/hosts.h"
#include "delivery/outgoing.h"

namespace delivery {

using dsn::Outcome;
using smtp::Stage;
using smtp::Verdict;

namespace {

/// The content of a letter, as it is or converted, and the record that its last octets are about to
/// be sent. References must outlive it.
class LetterSource final : public ContentSource {
 public:
  LetterSource(spool::Spool& spool, const Letter& letter,
               const std::optional<std::string>& converted, std::vector<std::uint32_t> recipients)
      : spool_(spool), id_(letter.id), content_(spool, letter), recipients_(std::move(recipients)) {
    if (converted) converted_ = *converted;
  }

  base::Io<std::span<const std::string_view>> next() override {
    if (!converted_) return content_.next();
    const bool first = !std::exchange(given_, true);
    return std::span<const std::string_view>(&*converted_, first ? 1u : 0u);
  }
  [[nodiscard]] bool at_end() const override { return converted_ ? given_ : content_.at_end(); }
  base::Task<base::Io<>> before_final_dot() override {
    return spool_.attempt_begun(id_, recipients_);
  }

 private:
  spool::Spool& spool_;
  base::MessageId id_;
  LetterContent content_;
  std::optional<std::string_view> converted_;
  bool given_ = false;
  std::vector<std::uint32_t> recipients_;
};

std::string without_reply(Verdict verdict, const std::string& closed_because) {
  if (verdict == Verdict::unknown) return "no reply after the content: " + closed_because;
  if (verdict == Verdict::another_transaction) return "more recipients than the host takes at once";
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
  // Behind a socket in the file system, delivery is local: `via` tells it.
  return {.host = last_.name,
          .address = last_.name.empty() ? "" : last_.endpoint.to_string(),
          .tls = last_tls_,
          .via = hop_.key()};
}

void SmtpWorker::settle_all(Outcome outcome, const std::string& reply, const std::string& status) {
  for (Open& open : open_) {
    results_.push_back({open.recipient, outcome, false, reply, status});
  }
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
  same_host_ = false;
  header_needs_smtputf8_.reset();
  converted_.reset();
  conversion_failed_ = false;
  answer_.reset();
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
    next_address_ = same_host_ ? 0 : 1;
  }
  while (!open_.empty() && next_address_ < addresses_.size()) {
    if (co_await connect_next()) (void)co_await transact(*letter);
    if (same_host_) --next_address_;
  }
  if (!open_.empty() && greeted_ == 0 && !all_permanent_) {
    delivery_.hop_failed(std::move(entry), attempt(), failure_);
    co_return;
  }
  if (answer_) delivery_.hop_answered(hop_, *answer_);
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
  if (const auto socket = unix_address_of(decision.target)) {
    addresses_ = {*socket};
    co_return true;
  }
  const route::LookupOptions lookup = delivery_.settings().lookup;
  TraceNotes& notes = delivery_.notes_;
  std::vector<route::Step> steps;
  const auto hosts =
      co_await find_hosts(delivery_.world_.resolver, decision, lookup,
                          delivery_.world_.random.next(), notes.wanted() ? &steps : nullptr);
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
  if (notes.wanted()) notes.found(hop_.key(), *hosts, steps, delivery_.now());
  addresses_ = addresses_of(*hosts);
  co_return true;
}

/// Connects to the next address. False: that was not to be.
base::Task<bool> SmtpWorker::connect_next() {
  co_await disconnect();
  last_ = addresses_[next_address_++];
  last_tls_.clear();
  same_host_ = false;
  auto opened = co_await open_client(delivery_.client_world(), delivery_.current_settings(),
                                     decision_, last_);
  if (!opened) {
    all_permanent_ = all_permanent_ && opened.error().permanent();
    failure_ = opened.error().text;
    co_return false;
  }
  client_ = std::move(*opened);
  delivery_.queue_.worker_connected(hop_, true);
  last_tls_ = client_->tls_description();
  ++greeted_;
  delivery_.hop_reached(hop_);
  co_return true;
}

/// Makes the transaction one for the connected host: says what it needs, converts the content if it
/// must [RFC6152 3] [RFC6531 3.6]. False: the content cannot be read now.
bool SmtpWorker::fit(const Letter& letter, smtp::Transaction& transaction) {
  spool::Spool& spool = delivery_.world_.spool;
  const smtp::Capabilities& peer = client_->capabilities();
  if (!transaction.eight_bit) return true;
  if (!header_needs_smtputf8_) {
    const auto needs = header_needs_smtputf8(spool, letter);
    if (!needs) return false;
    header_needs_smtputf8_ = *needs;
  }
  if (*header_needs_smtputf8_) transaction.needs_smtputf8 = true;
  if (peer.eight_bit_mime || transaction.needs_smtputf8) return true;
  if (!converted_ && !conversion_failed_) {
    auto converted = seven_bit_content(spool, letter);
    if (!converted) return false;
    converted_ = std::move(*converted);
    conversion_failed_ = !converted_;
  }
  if (conversion_failed_) return true;  // The session refuses it.
  transaction.eight_bit = false;
  transaction.size = converted_->size();
  return true;
}

/// Offers the message to the connected host for all open recipients; those that it answers for are
/// settled. False: a connection that was kept open turned out to be gone.
base::Task<bool> SmtpWorker::transact(const Letter& letter) {
  const bool kept = client_->transactions() > 0;
  for (;;) {
    const Sending sending{delivery_.settings(), letter, hop_.key()};
    smtp::Transaction transaction = transaction_of(sending, open_.front().recipient);
    std::vector<std::uint32_t> recipients;
    for (const Open& open : open_) {
      recipients.push_back(open.recipient);
      add_recipient(sending, open.recipient, transaction);
    }
    if (!fit(letter, transaction)) {
      failure_ = "the message cannot be read";
      co_return true;
    }
    const bool dsn_passed = client_->capabilities().dsn;
    const bool seven_bit = letter.envelope->eight_bit && !transaction.eight_bit;
    static const std::optional<std::string> as_it_is;
    LetterSource source(delivery_.world_.spool, letter, seven_bit ? converted_ : as_it_is,
                        std::move(recipients));
    const auto verdicts = co_await client_->send(std::move(transaction), source);

    std::vector<Open> asked = std::exchange(open_, {});
    bool stale = kept;
    bool again = false;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const smtp::RecipientResult& verdict = verdicts[i];
      stale = stale && verdict.verdict == Verdict::lost && !verdict.reply;
      again = again || verdict.verdict == Verdict::another_transaction;
      if (!settle(verdict, asked[i], dsn_passed)) open_.push_back(std::move(asked[i]));
    }
    if (stale) co_return false;
    // The rest goes in another transaction at once, as long as each one gets something done.
    const bool goes_on = again && open_.size() < asked.size();
    same_host_ = goes_on && client_->exhausted();
    if (!goes_on || !client_->usable()) co_return true;
  }
}

/// False: another host is to be asked, and `open` has what this one said.
bool SmtpWorker::settle(const smtp::RecipientResult& result, Open open, bool dsn_passed) {
  const std::string reply = result.reply ? smtp::one_line(*result.reply)
                                         : without_reply(result.verdict, client_->closed_because());
  const bool before_content = result.stage < Stage::data;
  note_answer(result);
  switch (result.verdict) {
    case Verdict::accepted:
      results_.push_back({open.recipient, Outcome::delivered, false, reply, {}, dsn_passed});
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

/// What it says of how much the hop may be asked to do.
void SmtpWorker::note_answer(const smtp::RecipientResult& result) {
  using Answer = queue::Queue::Answer;
  Answer answer = Answer::refused;
  switch (result.verdict) {
    case Verdict::accepted:
    case Verdict::permanent: answer = Answer::good; break;
    case Verdict::transient:
    case Verdict::lost:
    case Verdict::unknown:
      if (result.reply && result.reply->code == 421) answer = Answer::closing;  // [RFC5321 3.8]
      break;
    case Verdict::refused_here:  // Nothing was asked.
    case Verdict::another_transaction:
    case Verdict::abandoned: return;
  }
  if (answer_ != Answer::good) answer_ = answer;
}

base::Task<> SmtpWorker::disconnect() {
  if (!client_) co_return;
  co_await client_->quit();
  client_.reset();
  delivery_.queue_.worker_connected(hop_, false);
}

}  // namespace delivery
