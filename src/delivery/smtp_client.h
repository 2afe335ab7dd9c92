#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "delivery/client_login.h"
#include "engine/channel.h"
#include "smtp/client_session.h"
#include "sys/net.h"
#include "sys/tls.h"

namespace delivery {

/// One address of one host of a next hop.
struct HostAddress {
  std::string name;  ///< For SNI, certificates and people; the address itself if it has no name.
  base::Endpoint endpoint;
  std::string unix_path = {};  ///< A socket in the file system, in place of name and endpoint.
};

struct SmtpClientOptions {
  smtp::ClientOptions session;
  std::shared_ptr<sys::TlsContext> tls;  ///< Null: no TLS, whatever the policy.
  bool implicit_tls = false;             ///< TLS from the first octet [RFC8314 3].
  LoginOptions login;                    ///< Before the first transaction, never without TLS.
  bool verify = false;                   ///< The certificate must be valid for the host's name.
  std::optional<base::IpAddress> source;
  base::Duration connect_timeout = std::chrono::seconds(30);
  /// Sees the dialogue, for people: lines of ours (true) and the peer's, without secrets.
  std::function<void(bool ours, std::string_view octets)> transcript;
};

/// Why a host could not be used.
struct OpenFailure {
  smtp::CloseReason reason = smtp::CloseReason::lost;
  smtp::ReplyPointer reply;  ///< Of the peer, if it said anything.
  std::string text;          ///< For people: the reply, or what happened.
  bool tls_failed = false;   ///< STARTTLS or the handshake failed: without TLS it might work.
  /// 5yz to the greeting, EHLO or HELO.
  [[nodiscard]] bool permanent() const {
    return reason == smtp::CloseReason::refused && reply && reply->is_permanent();
  }
};

/// What a transaction sends as its content.
class ContentSource {
 public:
  virtual ~ContentSource() = default;
  /// As LetterContent::next(). In all, Transaction::size octets.
  [[nodiscard]] virtual base::Io<std::span<const std::string_view>> next() = 0;
  /// What next() has given was the last of it.
  [[nodiscard]] virtual bool at_end() const = 0;
  /// Just before the octets that hold the final dot (by BDAT: the last octet) are sent. After an
  /// error they are not sent.
  [[nodiscard]] virtual base::Task<base::Io<>> before_final_dot() = 0;
};

/// One connection to one host, as SMTP or LMTP client.
class SmtpClient {
 public:
  using Opened = std::expected<std::unique_ptr<SmtpClient>, OpenFailure>;

  /// Connects, greets, negotiates TLS and authenticates as the options say.
  [[nodiscard]] static base::Task<Opened> open(sys::Net& net, engine::Timers& timers,
                                               HostAddress host, SmtpClientOptions options);

  /// One transaction; one result for each recipient. `content` must outlive it.
  [[nodiscard]] base::Task<std::vector<smtp::RecipientResult>> send(smtp::Transaction transaction,
                                                                    ContentSource& content);
  /// Says QUIT, if that makes sense, and closes.
  [[nodiscard]] base::Task<> quit();

  /// Takes another transaction.
  [[nodiscard]] bool usable() const { return session_.is_ready() && !exhausted(); }
  /// It has taken as many transactions as the host takes of one connection [RFC9422 4.1].
  [[nodiscard]] bool exhausted() const;
  [[nodiscard]] std::size_t transactions() const { return transactions_; }
  [[nodiscard]] const HostAddress& host() const { return host_; }
  [[nodiscard]] std::string tls_description() const { return channel_.tls_description(); }
  [[nodiscard]] const smtp::Capabilities& capabilities() const { return session_.capabilities(); }
  /// Why it is not usable any more.
  [[nodiscard]] const std::string& closed_because() const { return closed_because_; }

 private:
  SmtpClient(std::unique_ptr<sys::Connection> connection, engine::Timers& timers, HostAddress host,
             SmtpClientOptions options);

  [[nodiscard]] base::Task<std::optional<OpenFailure>> greet();
  [[nodiscard]] base::Task<smtp::ClientEvent> next_event();
  [[nodiscard]] base::Task<bool> write_output();
  void note(const smtp::Closed& closed);
  void give_up(std::string_view what, const base::IoError& error);
  [[nodiscard]] base::Task<bool> start_tls();
  [[nodiscard]] base::Task<> send_content(ContentSource& content, bool verbatim,
                                          std::uint64_t size);
  [[nodiscard]] base::Task<bool> write_pieces(std::span<const std::string_view> pieces);
  [[nodiscard]] base::Task<> hear_last_words();
  [[nodiscard]] base::Instant now() const { return timers_.now(); }

  engine::Timers& timers_;
  HostAddress host_;
  SmtpClientOptions options_;
  engine::Channel channel_;
  smtp::ClientSession session_;
  std::size_t transactions_ = 0;
  std::string closed_because_;
  std::string content_failure_;  ///< Why we did not send a content to its end.
};

}  // namespace delivery
