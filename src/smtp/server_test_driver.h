#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "smtp/server_replies.h"
#include "smtp/server_session.h"

// For tests: a driver whose answers depend on nothing but the addresses.
namespace smtp::test {

inline constexpr base::Instant start_of_time{};

/// The listeners of a server named mx.example, with the smallest message_size of 100 octets.
[[nodiscard]] inline ServerOptions mx_options() {
  ServerOptions options;
  options.hostname = "mx.example";
  options.message_size = 100;
  options.recipients = 3;
  options.starttls = true;
  return options;
}

[[nodiscard]] inline ServerOptions submission_options() {
  ServerOptions options = mx_options();
  options.auth_mechanisms = {"PLAIN", "LOGIN"};
  options.require_auth = true;
  return options;
}

/// One where AUTH needs no TLS.
[[nodiscard]] inline ServerOptions sandbox_options() {
  ServerOptions options = submission_options();
  options.auth_without_tls = true;
  options.require_auth = false;
  options.starttls = false;
  return options;
}

[[nodiscard]] inline ServerOptions submissions_options() {
  ServerOptions options = submission_options();
  options.tls_at_once = true;
  return options;
}

[[nodiscard]] inline ServerOptions sandbox_mx_options() {
  ServerOptions options = sandbox_options();
  options.auth_mechanisms.clear();
  return options;
}

[[nodiscard]] inline ServerOptions etrn_options() {
  ServerOptions options = mx_options();
  options.etrn = true;
  return options;
}

/// LMTP on an address of ours.
[[nodiscard]] inline ServerOptions lmtp_options() {
  ServerOptions options = mx_options();
  options.lmtp = true;
  options.starttls = false;
  return options;
}

/// Refuses local-parts by their name, checks the password of alice, and keeps what it accepts.
class Driver {
 public:
  explicit Driver(const ServerOptions& options, base::Instant now = start_of_time)
      : session(options, now) {
    session.greet();
  }

  /// Feeds all octets, answers all questions.
  void feed(std::string_view octets, base::Instant now = start_of_time) {
    while (!octets.empty() && session.state() != ServerState::closed) {
      const std::size_t used = session.receive(octets, now);
      octets.remove_prefix(used);
      bool progress = used > 0;
      while (auto event = session.next_event()) {
        std::visit([this](const auto& one) { handle(one); }, *event);
        progress = true;
      }
      if (!progress) break;
      take_output();
    }
    take_output();
  }

  void take_output() {
    output += session.output();
    session.output_sent(session.output().size());
  }

  ServerSession session;
  std::string output;
  std::vector<std::string> accepted;  ///< Contents.
  std::vector<std::string> notes;     ///< Events without an answer, by name.

 private:
  void handle(const SenderProposed& event) {
    const auto& mailbox = event.command.reverse_path.mailbox;
    session.answer(reply_by(mailbox ? mailbox->local.text() : "", replies::sender_ok()));
    no_room_ = mailbox && mailbox->local.text() == "noroom";
  }
  void handle(const RecipientProposed& event) {
    session.answer(
        reply_by(event.command.forward_path.mailbox.local.text(), replies::recipient_ok()));
  }
  void handle(const ContentProposed&) {
    content_.clear();
    session.answer(no_room_ ? replies::no_resources() : replies::start_content());
  }
  void handle(const ContentChunk& event) { content_ += event.octets; }
  void handle(const ContentEnded& event) {
    if (event.octets != content_.size()) notes.emplace_back("wrong count of octets");
    if (content_.starts_with("spam")) {
      session.answer({.code = 554, .enhanced = EnhancedStatus{5, 7, 1}, .text = "spam"});
    } else {
      accepted.push_back(content_);
      session.answer(replies::accepted("m1"));
    }
  }
  void handle(const ContentAborted&) { notes.emplace_back("content aborted"); }
  void handle(const TransactionReset&) { notes.emplace_back("reset"); }
  void handle(const QueueStartProposed& event) {
    const EtrnCommand& command = event.command;
    if (command.kind == EtrnCommand::Kind::queue) {
      return session.answer(replies::queue_started("#" + command.queue, std::nullopt));
    }
    const bool below = command.kind == EtrnCommand::Kind::below;
    const std::string node = (below ? "@" : "") + command.domain.text();
    if (node == "away.example") return session.answer(replies::queue_not_started(node));
    if (node == "x.example") return session.answer(replies::queue_refused(node));
    session.answer(replies::queue_started(node, node == "none.example" ? 0 : 3));
  }
  void handle(const StartTls&) { notes.emplace_back("start TLS"); }
  void handle(const AuthStarted& event) {
    login_name_.clear();
    plain_ = event.mechanism == "PLAIN";
    if (event.initial_response) return respond(*event.initial_response);
    session.answer_auth_challenge(plain_ ? "" : "Username:");
  }
  void handle(const AuthResponse& event) { respond(event.octets); }
  void handle(const AuthCancelled&) { notes.emplace_back("auth cancelled"); }
  void handle(const CommandRefused& event) { notes.push_back("refused " + event.line); }

  void respond(const std::string& octets) {
    if (plain_) return verify(octets);
    if (login_name_.empty()) {
      login_name_ = std::string(1, '\0') + octets + std::string(1, '\0');
      return session.answer_auth_challenge("Password:");
    }
    verify(login_name_ + octets);
  }
  void verify(const std::string& credentials) {
    using namespace std::string_view_literals;
    session.answer_auth(credentials == "\0alice\0secret"sv ? replies::authenticated()
                                                           : replies::wrong_credentials());
  }

  [[nodiscard]] static Reply reply_by(std::string_view local, const Reply& otherwise) {
    if (local == "unknown") return replies::unknown_recipient();
    if (local == "later")
      return {.code = 451, .enhanced = EnhancedStatus{4, 3, 0}, .text = "later"};
    if (local == "plain")
      return {.code = 550, .enhanced = std::nullopt, .text = "no code\nof mine"};
    if (local == "away") return {.code = 421, .enhanced = EnhancedStatus{4, 3, 2}, .text = "away"};
    return otherwise;
  }

  std::string content_;
  std::string login_name_;
  bool plain_ = false;
  bool no_room_ = false;
};

}  // namespace smtp::test
