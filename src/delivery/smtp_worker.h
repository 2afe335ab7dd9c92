#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "delivery/delivery.h"
#include "delivery/smtp_client.h"

namespace delivery {

/// One connection to one next hop, and the messages that go through it one after the other.
///
/// One attempt tries hosts and addresses in order until one takes responsibility or says 5yz to the
/// transaction. What cannot be connected to, is lost before the final dot, or says 4yz to the
/// greeting, MAIL or RCPT, hands on to the next.
///
/// The same for LMTP, by TCP or by a socket in the file system.
class SmtpWorker {
 public:
  SmtpWorker(Delivery& delivery, queue::NextHop& hop) : delivery_(delivery), hop_(hop) {}

  [[nodiscard]] base::Task<> run(std::unique_ptr<queue::Entry> entry);

 private:
  /// A recipient that no host has answered for finally.
  struct Open {
    std::uint32_t recipient;
    std::string reply;
    std::string status;
  };

  [[nodiscard]] base::Task<> deliver(std::unique_ptr<queue::Entry> entry);
  [[nodiscard]] base::Task<bool> find(const route::Decision& decision);
  [[nodiscard]] base::Task<bool> connect_next();
  [[nodiscard]] base::Task<bool> transact(const Letter& letter);
  [[nodiscard]] bool fit(const Letter& letter, smtp::Transaction& transaction);
  [[nodiscard]] bool settle(const smtp::RecipientResult& result, Open open, bool dsn_passed);
  [[nodiscard]] base::Task<> disconnect();
  void settle_all(dsn::Outcome outcome, const std::string& reply, const std::string& status);
  [[nodiscard]] Attempt attempt() const;
  void note_answer(const smtp::RecipientResult& result);

  Delivery& delivery_;
  queue::NextHop& hop_;
  route::Decision decision_;
  std::vector<HostAddress> addresses_;
  std::unique_ptr<SmtpClient> client_;

  // Of the entry in hand.
  std::optional<bool> header_needs_smtputf8_;  ///< Once it has been looked at.
  std::optional<std::string> converted_;       ///< The content for a hop without 8BITMIME.
  bool conversion_failed_ = false;
  std::size_t next_address_ = 0;
  std::size_t greeted_ = 0;    ///< Hosts that took a connection.
  bool all_permanent_ = true;  ///< Every host that could not be used said 5yz.
  std::string failure_;        ///< Of the last host that could not be used.
  HostAddress last_;           ///< The last host that was tried.
  std::string last_tls_;
  bool same_host_ = false;  ///< The rest is for this host, by another connection.
  std::optional<queue::Queue::Answer> answer_;  ///< The best of all.
  std::vector<Open> open_;
  std::vector<Result> results_;
};

}  // namespace delivery
