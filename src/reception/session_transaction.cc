#include <utility>

#include "directory/snapshot.h"
#include "grammar/header.h"
#include "grammar/path.h"
#include "grammar/received.h"
#include "reception/session.h"
#include "smtp/server_replies.h"

// The mail transactions of a session: sender, recipients, content, and the message that they make.
namespace reception {

namespace replies = smtp::replies;

namespace {

/// Without the brackets of a path.
std::string address_of(std::string_view path) {
  return path.size() >= 2 ? std::string(path.substr(1, path.size() - 2)) : std::string(path);
}

}  // namespace

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
  std::string reason = "sender";
  if (reply.is_positive()) {
    if (auto refusal = message_rate_refusal()) {
      reply = std::move(*refusal);
      reason = rate_reason_;
    }
  }
  envelope_ = {};
  recipients_.clear();
  sender_ = command.reverse_path.mailbox;
  const bool honored = settings_->relay.source_routes == policy::SourceRoutes::honor;
  envelope_.reverse_path =
      honored ? command.reverse_path.print() : command.reverse_path.print_without_route();
  if (reply.is_positive()) {
    envelope_.eight_bit = command.body == smtp::BodyType::eight_bit_mime;
    envelope_.smtputf8 = command.smtputf8;
    envelope_.ret = command.ret;
    envelope_.envid = command.envid;
  } else {
    reject(reply, "", reason);
  }
  session_.answer(reply);
}

base::Task<> Session::propose_recipient(smtp::RcptCommand command) {
  const policy::Client client = policy_client();
  const bool by_tcp = listener_.unix_path.empty();
  const route::Origin origin{.sender = sender_,
                             .client = by_tcp ? std::optional(client.address) : std::nullopt,
                             .user = login_.user()};
  const std::string address = address_of(command.forward_path.print());
  if (const auto refusal = recipient_rate_refusal()) {
    reject(*refusal, address, rate_reason_);
    co_return session_.answer(*refusal);
  }
  const RecipientAnswer answer =
      co_await recipients_.propose(std::move(command), {.settings = *settings_,
                                                        .client = client,
                                                        .origin = origin,
                                                        .ask = reception_.world_.ask,
                                                        .now = reception_.world_.clock.wall()});
  if (answer.reply.is_positive()) count_recipient();
  if (!answer.reply.is_positive()) reject(answer.reply, address, answer.why);
  session_.answer(answer.reply);
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
  const bool submits = listener_.role == policy::ListenerRole::submission ||
                       listener_.role == policy::ListenerRole::submissions;
  if (!submits) return;  // Content in transit is never changed, however odd it is.
  const bool begins_with_body = lacks_header_section(header_);
  added_ = missing_fields(header_, {.hostname = settings_->hostname,
                                    .id = base::to_string(id_),
                                    .now = reception_.world_.clock.wall()});
  header_ = without_bcc(header_);
  // Otherwise the first lines of the body would be taken for a part of our fields.
  if (begins_with_body) added_ += "\r\n";
}

std::string Session::received_field(base::MessageId id) const {
  std::optional<grammar::ForwardPath> only;
  if (envelope_.recipients.size() == 1) {
    if (auto path = grammar::ForwardPath::parse(envelope_.recipients[0].forward_path)) {
      only = std::move(*path);
    }
  }
  const std::string with = grammar::protocol_name({.lmtp = listener_.options.lmtp,
                                                   .extended = session_.is_extended(),
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
  envelope_.recipients = std::move(recipients_.list());
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
    to.emplace_back(grammar::mailbox_text(recipient.forward_path));
  }
  auto event = reception_.world_.log.event("received");
  event.id(id_).text_or_null("client", envelope_.client);
  event.text("from", address_of(envelope_.reverse_path))
      .list("to", to)
      .number("size", static_cast<std::int64_t>(size));
  event.text_or_null("tls", envelope_.tls).text_or_null("auth", envelope_.auth);
  reception_.world_.log.write(event);
  reception_.on_accepted_(*stored, std::move(recipients_.expanded()));
  end_transaction();
  session_.answer(replies::accepted(base::to_string(stored->id)));
  co_return true;
}

void Session::end_transaction() {
  envelope_ = {};
  recipients_.clear();
  sender_.reset();
  content_.reset();
  gate_ = {};
  header_.clear();
  added_.clear();
  loops_ = false;
  content_lost_ = false;
}

void Session::reject(const smtp::Reply& reply, std::string_view recipient,
                     std::string_view reason) {
  ++reception_.counters_.rejected;
  std::vector<std::string> to;
  if (!recipient.empty()) to.emplace_back(recipient);
  auto event = reception_.world_.log.event("rejected");
  event.text("client", client_).text("from", address_of(envelope_.reverse_path)).list("to", to);
  event.text("reply", smtp::one_line(reply)).text("reason", reason);
  reception_.world_.log.write(event);
}

}  // namespace reception
