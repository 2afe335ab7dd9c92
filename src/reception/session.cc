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

}  // namespace

Session::Session(Reception& reception, std::unique_ptr<sys::Connection> connection,
                 std::shared_ptr<const Settings> settings, const ListenerSettings& listener)
    : reception_(reception),
      settings_(std::move(settings)),
      listener_(listener),
      channel_(std::move(connection), reception.world_.timers),
      session_(listener.options, reception.world_.loop.now()),
      login_(*settings_->directory, reception.scram_accounts_, reception.world_.workers,
             reception.world_.loop, reception.world_.random),
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
    co_await propose_recipient(std::move(recipient->command));
  } else if (auto* queue = std::get_if<smtp::QueueStartProposed>(&event)) {
    co_await propose_queue_start(std::move(queue->command));
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
    co_await login_.started(std::move(*auth), session_);
  } else if (auto* response = std::get_if<smtp::AuthResponse>(&event)) {
    co_await login_.responded(std::move(*response), session_);
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

}  // namespace reception
