#include "reception/session.h"

#include <utility>
#include <variant>

#include "grammar/header.h"
#include "grammar/received.h"
#include "route/table.h"
#include "smtp/server_replies.h"

namespace reception {

using base::Io;
using base::IoErrorCode;
namespace replies = smtp::replies;

namespace {

constexpr base::Duration write_timeout = std::chrono::minutes(5);
constexpr base::Duration handshake_timeout = std::chrono::minutes(1);

std::string client_text(const base::Endpoint& client) {
  const char* const between = client.address.is_v4() ? ":" : " port ";
  return client.address.to_string() + between + std::to_string(client.port);
}

/// Of a Unix socket there is no address to tell.
std::string local_client_text(std::optional<std::uint32_t> uid) {
  return uid ? "local, uid " + std::to_string(*uid) : "local";
}

std::string address_of(std::string_view path) {
  return path.size() >= 2 ? std::string(path.substr(1, path.size() - 2)) : std::string(path);
}

}  // namespace

Session::Session(Reception& reception, std::unique_ptr<sys::Connection> connection,
                 std::shared_ptr<const Settings> settings, const ListenerSettings& listener)
    : reception_(reception),
      settings_(std::move(settings)),
      listener_(listener),
      channel_(std::move(connection), reception.world_.timers),
      session_(listener.options, reception.world_.loop.now()),
      login_(reception.world_.workers, reception.world_.loop),
      local_uid_(listener.for_all_users ? channel_.peer_uid() : std::nullopt),
      client_(listener.unix_path.empty() ? client_text(channel_.remote())
                                         : local_client_text(channel_.peer_uid())) {}

Session::~Session() = default;

void Session::stop() {
  session_.shutdown();
  interrupted_ = reading_;
  if (reading_) channel_.interrupt();
}

base::Task<> Session::run() {
  if (listener_.options.tls_at_once && !co_await begin_tls()) {
    reason_ = "TLS handshake: " + channel_.tls_failure();
    co_return;
  }
  session_.greet();
  co_await converse();
  if (session_.state() == smtp::ServerState::closed) {
    reason_ = to_string(session_.close_reason());
  }
  co_await channel_.close();
}

base::Task<bool> Session::begin_tls() {
  const base::Instant deadline = reception_.world_.loop.now() + handshake_timeout;
  co_return (co_await channel_.start_tls(settings_->tls->server(), deadline)).has_value();
}

base::Task<bool> Session::flush() {
  while (!session_.output().empty()) {
    const std::string_view output = session_.output();
    const base::Instant deadline = reception_.world_.loop.now() + write_timeout;
    if (!co_await channel_.write(output, deadline)) co_return false;
    session_.output_sent(output.size());
  }
  co_return true;
}

base::Task<> Session::converse() {
  for (;;) {
    if (!co_await flush()) co_return;
    if (session_.state() == smtp::ServerState::closed) co_return;
    reading_ = true;
    const Io<std::string_view> octets = co_await channel_.read(session_.deadline());
    reading_ = false;
    if (octets) {
      if (!co_await feed(*octets)) co_return;
    } else if (octets.error().code == IoErrorCode::timed_out) {
      session_.tick(reception_.world_.loop.now());
    } else if (!std::exchange(interrupted_, false)) {
      reason_ = base::describe(octets.error());
      co_return;
    }
  }
}

/// Gives the session what came. False: the connection must be dropped as it is.
base::Task<bool> Session::feed(std::string_view octets) {
  // `octets` lies in a buffer of the loop, which is another's as soon as anything is waited for.
  std::string kept;
  const auto keep = [&] {
    if (kept.empty()) kept = octets;
    octets = std::string_view(kept).substr(kept.size() - octets.size());
  };
  while (session_.state() != smtp::ServerState::closed) {
    octets.remove_prefix(session_.receive(octets, reception_.world_.loop.now()));
    bool asked = false;
    while (std::optional<smtp::Event> event = session_.next_event()) {
      asked = true;
      if (const auto* chunk = std::get_if<smtp::ContentChunk>(&*event)) {
        if (take_chunk_at_once(chunk->octets)) continue;
        std::string copy(chunk->octets);
        keep();
        co_await take_chunk(std::move(copy));
        continue;
      }
      keep();
      if (!co_await handle(std::move(*event))) co_return false;
    }
    if (octets.empty() && !asked) break;
  }
  co_return true;
}

base::Task<bool> Session::handle(smtp::Event event) {
  if (auto* sender = std::get_if<smtp::SenderProposed>(&event)) {
    propose_sender(sender->command);
  } else if (auto* recipient = std::get_if<smtp::RecipientProposed>(&event)) {
    propose_recipient(std::move(recipient->command.forward_path));
  } else if (std::holds_alternative<smtp::ContentProposed>(event)) {
    start_content();
  } else if (std::holds_alternative<smtp::ContentEnded>(event)) {
    co_return co_await end_content();
  } else if (auto* aborted = std::get_if<smtp::ContentAborted>(&event)) {
    const bool large = aborted->reason == smtp::ContentAborted::Reason::too_large;
    reject(large ? replies::too_large() : replies::bare_cr_or_lf_in_content(), "",
           large ? "content too large" : "bare CR or LF in content");
    end_transaction();
  } else if (std::holds_alternative<smtp::TransactionReset>(event)) {
    end_transaction();
  } else if (std::holds_alternative<smtp::StartTls>(event)) {
    if (!co_await flush() || !co_await begin_tls()) {
      reason_ = "TLS handshake: " + channel_.tls_failure();
      co_return false;
    }
    session_.tls_started();
  } else if (auto* auth = std::get_if<smtp::AuthStarted>(&event)) {
    co_await login_.started(std::move(*auth), session_, *settings_->directory);
  } else if (auto* response = std::get_if<smtp::AuthResponse>(&event)) {
    co_await login_.responded(std::move(*response), session_, *settings_->directory);
  } else if (std::holds_alternative<smtp::AuthCancelled>(event)) {
    login_.cancelled();
  } else if (auto* refused = std::get_if<smtp::CommandRefused>(&event)) {
    reject(refused->reply, "", refused->line);
  }
  co_return true;
}

policy::Client Session::policy_client() const {
  return {.role = listener_.role,
          .address = channel_.remote().address,
          .authenticated = session_.is_authenticated(),
          .needs_auth = listener_.needs_auth};
}

void Session::propose_sender(const smtp::MailCommand& command) {
  const policy::Client client = policy_client();
  bool own = true;
  if (client.authenticated && command.reverse_path.mailbox) {
    const directory::User* user = settings_->directory->find_user(login_.user());
    own =
        user != nullptr && settings_->directory->may_send_as(*user, *command.reverse_path.mailbox);
  }
  const policy::SenderVerdict verdict = policy::judge_sender(client, own);
  smtp::Reply reply = replies::sender_ok();
  switch (verdict) {
    case policy::SenderVerdict::accepted: break;
    case policy::SenderVerdict::auth_required: reply = replies::authentication_required(); break;
    case policy::SenderVerdict::not_own_sender: reply = replies::not_your_address(); break;
  }
  envelope_ = {};
  reached_.clear();
  envelope_.reverse_path = command.reverse_path.print_without_route();
  if (reply.is_positive()) {
    envelope_.eight_bit = command.body == smtp::BodyType::eight_bit_mime;
  } else {
    reject(reply, "", "sender");
  }
  session_.answer(reply);
}

void Session::propose_recipient(grammar::ForwardPath path) {
  const directory::Resolution found = settings_->directory->resolve(path.mailbox);
  const bool local = found.kind != directory::Resolution::Kind::not_local;
  policy::Recipient recipient{.has_source_route = !path.route.empty(),
                              .is_local = local,
                              .is_known = found.kind == directory::Resolution::Kind::mailbox,
                              .domain = path.mailbox.domain};
  const route::Rule* rule = settings_->routes.find(path.mailbox, local);
  if (rule != nullptr && rule->via.scheme == route::Scheme::reject) {
    recipient.route_rejects = rule->via.argument;
  }
  const policy::RecipientDecision decision =
      policy::judge_recipient(settings_->relay, policy_client(), recipient);
  smtp::Reply reply = replies::recipient_ok();
  switch (decision.verdict) {
    case policy::RecipientVerdict::accepted: break;
    case policy::RecipientVerdict::source_route_refused:
      reply = replies::source_route_refused();
      break;
    case policy::RecipientVerdict::unknown_recipient: reply = replies::unknown_recipient(); break;
    case policy::RecipientVerdict::relaying_denied: reply = replies::relaying_denied(); break;
    case policy::RecipientVerdict::rejected_by_route:
      reply = replies::policy_refused(decision.text);
      break;
  }
  path.route.clear();
  if (path.is_bare_postmaster() && found.domain != nullptr) path.mailbox = found.mailbox;
  std::string printed = path.print();
  if (!reply.is_positive()) {
    reject(reply, address_of(printed), decision.text);
    return session_.answer(reply);
  }
  // A mailbox that is reached twice gets one copy, whatever the spelling.
  std::string reached = local ? found.mailbox.print() : printed;
  if (reached_.insert(std::move(reached)).second) {
    envelope_.recipients.push_back({.forward_path = std::move(printed)});
  }
  session_.answer(reply);
}

void Session::start_content() {
  id_ = reception_.world_.spool.new_id();
  content_.emplace(reception_.world_.spool.new_content());
  session_.answer(replies::start_content());
}

/// Takes a part of the content without waiting. False: that needs take_chunk(), and nothing has
/// been taken.
bool Session::take_chunk_at_once(std::string_view octets) {
  if (content_lost_) return true;
  if (!envelope_.eight_bit) envelope_.eight_bit = grammar::has_eight_bit(octets);
  if (!gate_.is_open()) {
    if (!gate_.take(octets)) return true;
    read_header();
  }
  if (!header_.empty()) octets = header_;
  if (!content_->append_in_memory(octets)) return false;
  header_.clear();
  return true;
}

base::Task<> Session::take_chunk(std::string octets) {
  if (!header_.empty()) octets = std::exchange(header_, {});
  content_lost_ = !co_await content_->append(octets);
}

/// The header section is whole: what it says, and what submission makes of it.
void Session::read_header() {
  header_ = gate_.release();
  loops_ = grammar::count_received(header_) >= received_fields_max;
  if (listener_.role == policy::ListenerRole::mx) return;
  added_ = missing_fields(header_, {.hostname = settings_->hostname,
                                    .id = base::to_string(id_),
                                    .now = reception_.world_.clock.wall()});
  header_ = without_bcc(header_);
}

std::string Session::received_field(base::MessageId id) const {
  std::optional<grammar::ForwardPath> only;
  if (envelope_.recipients.size() == 1) {
    if (auto path = grammar::ForwardPath::parse(envelope_.recipients[0].forward_path)) {
      only = std::move(*path);
    }
  }
  const std::string with = grammar::protocol_name({.extended = session_.is_extended(),
                                                   .smtputf8 = envelope_.smtputf8,
                                                   .tls = channel_.in_tls(),
                                                   .authenticated = session_.is_authenticated()});
  const bool by_tcp = listener_.unix_path.empty();
  const auto client = by_tcp ? std::optional(channel_.remote().address) : std::nullopt;
  const std::string origin = local_uid_ ? "uid " + std::to_string(*local_uid_) : "";
  return grammar::received_field({.helo = session_.hello(),
                                  .client = client,
                                  .by = settings_->hostname,
                                  .with = with,
                                  .tls = envelope_.tls,
                                  .origin = origin,
                                  .id = base::to_string(id),
                                  .recipient = only ? &*only : nullptr,
                                  .date = envelope_.received});
}

/// Stores the message, then says 250. False: nothing may be said, the connection is dropped.
base::Task<bool> Session::end_content() {
  if (!gate_.is_open()) {
    read_header();
    if (!take_chunk_at_once({})) co_await take_chunk({});
  }
  if (loops_ || content_lost_) {
    const smtp::Reply reply = loops_ ? replies::routing_loop() : replies::no_resources();
    reject(reply, "", loops_ ? "too many Received fields" : "the content could not be stored");
    end_transaction();
    session_.answer(reply);
    co_return true;
  }
  envelope_.received = reception_.world_.clock.wall();
  envelope_.client = listener_.unix_path.empty() ? client_ : "";
  envelope_.helo = session_.hello();
  envelope_.auth = local_uid_ ? "uid:" + std::to_string(*local_uid_) : login_.user();
  envelope_.tls = channel_.tls_description();
  envelope_.listener = name_of(listener_);
  const std::uint64_t size = content_->size() + added_.size();
  spool::NewMessage message{id_, envelope_, received_field(id_) + added_, std::move(*content_)};
  const auto stored = co_await reception_.world_.spool.accept(std::move(message));
  if (!stored) {
    reject(replies::no_resources(), "", base::describe(stored.error().cause));
    end_transaction();
    if (stored.error().kind == spool::StoreError::Kind::unsure) {
      reason_ = "the message may have been stored";
      co_return false;
    }
    session_.answer(replies::no_resources());
    co_return true;
  }
  ++reception_.counters_.received;
  std::vector<std::string> to;
  for (const spool::Recipient& recipient : envelope_.recipients) {
    to.push_back(address_of(recipient.forward_path));
  }
  auto event = reception_.world_.log.event("received");
  event.id(id_).text_or_null("client", envelope_.client);
  event.text("from", address_of(envelope_.reverse_path))
      .list("to", to)
      .number("size", static_cast<std::int64_t>(size));
  event.text_or_null("tls", envelope_.tls).text_or_null("auth", envelope_.auth);
  reception_.world_.log.write(event);
  reception_.on_accepted_(*stored, {});
  end_transaction();
  session_.answer(replies::accepted(base::to_string(stored->id)));
  co_return true;
}

void Session::end_transaction() {
  envelope_ = {};
  reached_.clear();
  content_.reset();
  gate_ = {};
  header_.clear();
  added_.clear();
  loops_ = false;
  content_lost_ = false;
}

void Session::reject(const smtp::Reply& reply, std::string_view recipient,
                     std::string_view reason) {
  std::vector<std::string> to;
  if (!recipient.empty()) to.emplace_back(recipient);
  auto event = reception_.world_.log.event("rejected");
  event.text("client", client_).text("from", address_of(envelope_.reverse_path)).list("to", to);
  event.text("reply", smtp::one_line(reply)).text("reason", reason);
  reception_.world_.log.write(event);
}

}  // namespace reception
