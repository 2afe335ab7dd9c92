#include "delivery/smtp_client.h"

#include <utility>
#include <variant>

#include "base/escape.h"
#include "smtp/content_encoder.h"

namespace delivery {

using base::Io;

SmtpClient::SmtpClient(std::unique_ptr<sys::Connection> connection, engine::Timers& timers,
                       HostAddress host, SmtpClientOptions options)
    : timers_(timers),
      host_(std::move(host)),
      options_(std::move(options)),
      channel_(std::move(connection), timers),
      session_(options_.session, timers.now()) {}

namespace {

/// Connects within a time.
class Connecting final : public engine::Deadline {
 public:
  explicit Connecting(engine::Timers& timers) : Deadline(timers) {}

  /// References must outlive it.
  base::Task<Io<std::unique_ptr<sys::Connection>>> connect(sys::Net& net, const HostAddress& host,
                                                           std::optional<base::IpAddress> source,
                                                           base::Duration timeout) {
    using Result = Io<std::unique_ptr<sys::Connection>>;
    set(now() + timeout);
    Result result = co_await base::operation<Result>([&](base::Completion<Result>& done) {
      pending_ = &done;
      return host.unix_path.empty() ? net.connect(host.endpoint, source, done)
                                    : net.connect_unix(host.unix_path, done);
    });
    pending_ = nullptr;
    clear();
    if (!result && expired_) result = base::io_error(base::IoErrorCode::timed_out);
    co_return result;
  }

 private:
  void expired() noexcept override {
    expired_ = true;
    if (pending_ != nullptr) pending_->cancel();
  }
  base::Operation* pending_ = nullptr;
  bool expired_ = false;
};

/// The session ended between our STARTTLS and its handshake, other than by a reply that may stand
/// there: with what is no reply, with octets behind the 220, or with the connection.
bool tls_broke(const smtp::Closed& closed) {
  if (closed.stage != smtp::Stage::starttls) return false;
  switch (closed.reason) {
    case smtp::CloseReason::lost:
    case smtp::CloseReason::timed_out:
    case smtp::CloseReason::protocol_error: return true;
    case smtp::CloseReason::quit:
    case smtp::CloseReason::refused:
    case smtp::CloseReason::service_closing:
    case smtp::CloseReason::tls_unavailable:
    case smtp::CloseReason::auth_failed: break;
  }
  return false;
}

OpenFailure handshake_failure(const engine::Channel& channel) {
  const std::string why = channel.tls_failure();
  return {.text = "TLS handshake: " + (why.empty() ? "connection lost" : why), .tls_failed = true};
}

}  // namespace

base::Task<SmtpClient::Opened> SmtpClient::open(sys::Net& net, engine::Timers& timers,
                                                HostAddress host, SmtpClientOptions options) {
  Connecting connecting(timers);
  auto connection = co_await connecting.connect(net, host, options.source, options.connect_timeout);
  if (!connection) {
    co_return std::unexpected(OpenFailure{.text = base::describe(connection.error())});
  }
  if (!options.tls) options.session.tls = smtp::TlsPolicy::off;
  options.session.tls_on = options.implicit_tls;
  options.session.login = options.login.credentials != nullptr;
  std::unique_ptr<SmtpClient> client(
      new SmtpClient(std::move(*connection), timers, std::move(host), std::move(options)));
  std::optional<OpenFailure> failure = co_await client->greet();
  if (failure) co_return std::unexpected(std::move(*failure));
  co_return client;
}

base::Task<std::optional<OpenFailure>> SmtpClient::greet() {
  if (options_.implicit_tls) {
    auto session = options_.tls->client(host_.name, options_.verify);
    const base::Instant deadline = now() + options_.session.timeouts.tls_handshake;
    if (!co_await channel_.start_tls(std::move(session), deadline)) {
      co_return handshake_failure(channel_);
    }
  }
  ClientLogin login(options_.login);
  for (;;) {
    smtp::ClientEvent event = co_await next_event();
    if (std::holds_alternative<smtp::Ready>(event)) co_return std::nullopt;
    if (std::holds_alternative<smtp::LoginWanted>(event)) {
      login.begin(session_, now());
      continue;
    }
    if (auto* challenge = std::get_if<smtp::LoginChallenge>(&event)) {
      co_await login.respond(std::move(*challenge), session_, timers_);
      continue;
    }
    if (std::holds_alternative<smtp::LoginEnded>(event)) {
      login.end(session_);
      continue;
    }
    if (std::holds_alternative<smtp::StartTls>(event)) {
      if (co_await start_tls()) continue;
      co_return handshake_failure(channel_);
    }
    const auto& closed = std::get<smtp::Closed>(event);
    co_return OpenFailure{.reason = closed.reason,
                          .reply = closed.reply,
                          .text = closed_because_,
                          .tls_failed = tls_broke(closed)};
  }
}

base::Task<bool> SmtpClient::start_tls() {
  auto session = options_.tls->client(host_.name, options_.verify);
  const base::Instant deadline = now() + options_.session.timeouts.tls_handshake;
  if (!co_await channel_.start_tls(std::move(session), deadline)) co_return false;
  session_.tls_started(now());
  co_return true;
}

base::Task<bool> SmtpClient::write_output() {
  const std::string_view output = session_.output();
  if (options_.transcript)
    options_.transcript(true, session_.output_is_secret() ? "*\r\n" : output);
  const base::Instant deadline = now() + options_.session.timeouts.command;
  if (!co_await channel_.write(output, deadline)) co_return false;
  session_.output_sent(output.size());
  co_return true;
}

void SmtpClient::note(const smtp::Closed& closed) {
  closed_because_ = closed.reply ? smtp::one_line(*closed.reply) : closed.explanation;
  if (closed_because_.empty()) closed_because_ = to_string(closed.reason);
  if (!content_failure_.empty()) closed_because_ = content_failure_;
}

base::Task<smtp::ClientEvent> SmtpClient::next_event() {
  for (;;) {
    if (auto event = session_.next_event()) {
      if (const auto* closed = std::get_if<smtp::Closed>(&*event)) {
        note(*closed);
        if (!session_.output().empty()) (void)co_await write_output();
      }
      co_return std::move(*event);
    }
    if (!session_.output().empty()) {
      if (!co_await write_output()) co_await hear_last_words();
      continue;
    }
    const Io<std::string_view> octets = co_await channel_.read(session_.deadline());
    if (octets) {
      if (options_.transcript) options_.transcript(false, *octets);
      session_.receive(*octets, now());
    } else if (octets.error().code == base::IoErrorCode::timed_out) {
      session_.tick(now());
    } else {
      session_.connection_lost();
    }
  }
}

/// A write has failed. What the peer said before it went away still counts: why it refuses.
base::Task<> SmtpClient::hear_last_words() {
  constexpr base::Duration patience = std::chrono::seconds(1);
  const base::Instant deadline = now() + patience;
  while (!session_.is_closed()) {
    const Io<std::string_view> octets = co_await channel_.read(deadline);
    if (!octets) break;
    if (options_.transcript) options_.transcript(false, *octets);
    session_.receive(*octets, now());
  }
  session_.connection_lost();
}

base::Task<bool> SmtpClient::write_pieces(std::span<const std::string_view> pieces) {
  const base::Instant deadline = now() + options_.session.timeouts.content_block;
  const bool written = (co_await channel_.write(pieces, deadline)).has_value();
  if (written) {
    session_.content_progress(now());
  } else {
    co_await hear_last_words();
  }
  co_return written;
}

/// It is our fault, and the next hop is not to be blamed for it.
void SmtpClient::give_up(std::string_view what, const base::IoError& error) {
  content_failure_ = std::string(what) + ": " + base::describe(error);
  session_.connection_lost();
}

/// Sends the content and its end. The last pieces wait, so that they go out with the final dot.
/// When that is not to be, the connection ends without it: the peer must not take what it has.
base::Task<> SmtpClient::send_content(ContentSource& content, bool verbatim, std::uint64_t size) {
  // BDAT goes out with the first octets.
  const std::string command(session_.output());
  session_.output_sent(command.size());
  if (options_.transcript && !command.empty()) options_.transcript(true, command);
  smtp::ContentEncoder encoder;
  std::vector<std::string_view> encoded;
  if (!command.empty()) encoded.emplace_back(command);
  std::uint64_t given = 0;
  for (;;) {
    const Io<std::span<const std::string_view>> pieces = content.next();
    if (!pieces) co_return give_up("the content could not be read", pieces.error());
    for (const std::string_view piece : *pieces) {
      given += piece.size();
      if (verbatim) encoded.push_back(piece);
      if (!verbatim) encoder.encode(piece, encoded);
    }
    if (verbatim && given > size) co_return session_.connection_lost();
    if (pieces->empty()) break;
    if (content.at_end()) break;
    if (!co_await write_pieces(encoded)) co_return;
    encoded.clear();
  }
  if (verbatim && given != size) co_return session_.connection_lost();
  // Only CRLF ends a line, in both directions: nobody must read a second message into this one.
  if (encoder.has_bare_cr_or_lf()) co_return session_.connection_lost();
  if (!verbatim) encoder.finish(encoded);
  if (const Io<> noted = co_await content.before_final_dot(); !noted)
    co_return give_up("the attempt could not be noted on our disk", noted.error());
  session_.content_ends(now());
  (void)co_await write_pieces(encoded);
}

bool SmtpClient::exhausted() const {
  const auto most = session_.capabilities().transactions_max;
  return most && transactions_ >= *most;
}

base::Task<std::vector<smtp::RecipientResult>> SmtpClient::send(smtp::Transaction transaction,
                                                                ContentSource& content) {
  ++transactions_;
  const std::uint64_t size = transaction.size;
  session_.begin(std::move(transaction), now());
  for (;;) {
    smtp::ClientEvent event = co_await next_event();
    if (auto* done = std::get_if<smtp::TransactionDone>(&event)) {
      if (session_.is_closed()) {
        const auto last = session_.next_event();
        if (last && std::holds_alternative<smtp::Closed>(*last))
          note(std::get<smtp::Closed>(*last));
      }
      co_return std::move(done->recipients);
    }
    if (const auto* wanted = std::get_if<smtp::ContentWanted>(&event)) {
      co_await send_content(content, wanted->verbatim, size);
    }
  }
}

base::Task<> SmtpClient::quit() {
  if (session_.is_ready()) {
    session_.quit(now());
    while (!session_.is_closed()) (void)co_await next_event();
  }
  co_await channel_.close();
}

}  // namespace delivery
