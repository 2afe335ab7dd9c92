#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "engine/channel.h"
#include "reception/header_gate.h"
#include "reception/login.h"
#include "reception/reception.h"
#include "reception/recipients.h"
#include "smtp/server_session.h"

namespace reception {

/// One SMTP session: carries octets to smtp::ServerSession, and answers its questions by policy and
/// directory. Holds no protocol knowledge.
class Session {
 public:
  Session(Reception& reception, std::unique_ptr<sys::Connection> connection,
          std::shared_ptr<const Settings> settings, const ListenerSettings& listener);
  ~Session();

  [[nodiscard]] base::Task<> run();
  /// Says 421 as soon as no transaction is open.
  void stop();

  /// `IP:port` of the client.
  [[nodiscard]] const std::string& client() const { return client_; }
  [[nodiscard]] std::string_view reason() const { return reason_; }

 private:
  [[nodiscard]] base::Task<bool> begin_tls();
  [[nodiscard]] base::Task<bool> flush();
  [[nodiscard]] base::Task<> converse();
  [[nodiscard]] base::Task<bool> feed(std::string_view octets);
  [[nodiscard]] base::Task<bool> handle(smtp::Event event);

  void propose_sender(const smtp::MailCommand& command);
  [[nodiscard]] base::Task<> propose_recipient(smtp::RcptCommand command);
  [[nodiscard]] base::Task<> propose_queue_start(smtp::EtrnCommand command);
  [[nodiscard]] bool may_start_queue() const;

  // In session_rates.cc. Nullopt: go on; else the refusal, and why in rate_reason_.
  [[nodiscard]] std::optional<smtp::Reply> message_rate_refusal();
  [[nodiscard]] std::optional<smtp::Reply> recipient_rate_refusal();
  void count_recipient();
  [[nodiscard]] std::optional<smtp::Reply> rate_refusal(policy::RateLimits::What what,
                                                        std::optional<base::Duration> wait,
                                                        std::string_view noun);

  void start_content();
  [[nodiscard]] bool take_chunk_at_once(std::string_view octets);
  [[nodiscard]] base::Task<> take_chunk(std::string octets);
  void read_header();
  [[nodiscard]] base::Task<bool> end_content();
  [[nodiscard]] std::string received_field(base::MessageId id) const;
  void end_transaction();
  [[nodiscard]] policy::Client policy_client() const;
  void reject(const smtp::Reply& reply, std::string_view recipient, std::string_view reason);

  Reception& reception_;
  std::shared_ptr<const Settings> settings_;  ///< As they were when the session began.
  const ListenerSettings& listener_;
  engine::Channel channel_;
  smtp::ServerSession session_;
  Login login_;
  std::optional<std::uint32_t> local_uid_;  ///< Of a user of this machine, as its login.
  std::string client_;
  bool reading_ = false;
  bool interrupted_ = false;  ///< By stop(): the pending read alone.
  std::string reason_ = "closed by the client";
  std::string rate_reason_;

  // Of the transaction.
  spool::Envelope envelope_;
  std::optional<grammar::Mailbox> sender_;  ///< Of the reverse-path.
  Recipients recipients_;
  std::optional<spool::Content> content_;
  HeaderGate gate_;
  std::string header_;  ///< What the gate has let through and is still to be stored.
  std::string added_;   ///< Fields that submission adds.
  base::MessageId id_;
  bool loops_ = false;         ///< Too many Received fields.
  bool content_lost_ = false;  ///< The disk refused it.
};

}  // namespace reception
