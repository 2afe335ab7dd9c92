#include <fmt/format.h>

#include <utility>

#include "base/assert.h"
#include "smtp/server_replies.h"
#include "smtp/server_session.h"

// What each command does, and what becomes of it when the driver has answered.
namespace smtp {

void ServerSession::handle_command(std::string_view line) {
  const CommandLine command = split_command(line);
  if (command.verb == Verb::http) return close(ServerCloseReason::http);
  if (command.verb == Verb::bdat) return handle_bdat(command.argument);
  if (const auto reply = refusal(command.verb)) return refuse_command(*reply);
  count_command(command.verb);
  if (state_ != ServerState::closed) dispatch(command);
}

/// Why a command is refused whatever its argument.
std::optional<Reply> ServerSession::refusal(Verb verb) const {
  if (verb == Verb::unknown) return replies::unknown_command();
  if (verb == Verb::not_implemented || verb == Verb::expn) return replies::not_implemented();
  const bool is_smtp_hello = verb == Verb::ehlo || verb == Verb::helo;
  if (is_smtp_hello && options_.lmtp) return replies::unknown_command();  // [RFC2033 4.1]
  if (verb == Verb::lhlo && !options_.lmtp) return replies::not_implemented();
  if (verb == Verb::starttls && !options_.starttls) return replies::not_implemented();
  if (verb == Verb::etrn && !options_.etrn) return replies::not_implemented();
  // Before anything else, so that nobody learns to send a password in the clear.
  if (verb == Verb::auth && !tls_ && !options_.auth_without_tls) {
    return replies::encryption_required();
  }
  if (!server_transition(state_, verb)) return replies::bad_sequence(verb, state_);
  if (verb == Verb::starttls && tls_) return replies::bad_sequence(verb, state_);
  if (verb == Verb::auth && (!offers_auth() || authenticated_)) {
    return replies::bad_sequence(verb, state_);
  }
  const bool needs_auth = verb == Verb::mail || verb == Verb::etrn;
  if (needs_auth && options_.require_auth && !authenticated_) {
    return replies::authentication_required();
  }
  return std::nullopt;
}

/// Bounds what a client may do without ever sending mail. RCPT and DATA follow a MAIL.
void ServerSession::count_command(Verb verb) {
  if (verb == Verb::rcpt || verb == Verb::data || verb == Verb::quit) return;
  chunks_failed_ = false;
  if (++commands_without_mail_ > options_.abuse.commands_without_mail) close_for_abuse();
}

void ServerSession::dispatch(const CommandLine& command) {
  switch (command.verb) {
    case Verb::helo: return handle_hello(command.argument, false);
    case Verb::ehlo:
    case Verb::lhlo: return handle_hello(command.argument, true);
    case Verb::mail: return handle_mail(command.argument);
    case Verb::rcpt: return handle_rcpt(command.argument);
    case Verb::data: return handle_data(command.argument);
    case Verb::rset: return handle_rset(command.argument);
    case Verb::vrfy: return handle_vrfy(command.argument);
    case Verb::help: return handle_help(command.argument);
    case Verb::noop: return handle_noop(command.argument);
    case Verb::quit: return handle_quit(command.argument);
    case Verb::starttls: return handle_starttls(command.argument);
    case Verb::auth: return handle_auth(command.argument);
    case Verb::etrn: return handle_etrn(command.argument);
    case Verb::bdat: break;  // handle_command() has taken it.
    case Verb::expn:
    case Verb::not_implemented:
    case Verb::http:
    case Verb::unknown: break;
  }
  PH_ASSERT(false);  // refusal() has refused the verb.
}

void ServerSession::handle_hello(std::string_view argument, bool extended) {
  const auto hello = parse_hello(argument);
  if (!hello) return refuse_command(reply_to(hello.error(), extended ? Verb::ehlo : Verb::helo));
  if (in_transaction()) event_ = TransactionReset{};  // [RFC5321 4.1.4]
  end_transaction();
  hello_.assign(*hello);
  extended_ = extended;
  append_wire(hello_reply(extended), output_);
  close_if_stopping();
}

/// [RFC5321 4.1.1.1]. It offers what works, and nothing else.
Reply ServerSession::hello_reply(bool extended) const {
  Reply reply{.code = 250, .enhanced = std::nullopt, .text = options_.hostname};
  if (!extended) return reply;
  reply.text +=
      fmt::format("\nPIPELINING\nSIZE {}\n8BITMIME\nCHUNKING\nSMTPUTF8\nDSN\nENHANCEDSTATUSCODES",
                  options_.message_size);
  if (options_.starttls && !tls_) reply.text += "\nSTARTTLS";
  if (offers_auth())
    reply.text += fmt::format("\nAUTH {}", fmt::join(options_.auth_mechanisms, " "));
  if (options_.etrn) reply.text += "\nETRN";  // [RFC1985 4]
  // The last one: gsasl 2.2 finds neither STARTTLS nor AUTH in a last line.
  reply.text += fmt::format("\nLIMITS RCPTMAX={}", options_.recipients);  // [RFC9422 4]
  return reply;
}

void ServerSession::handle_mail(std::string_view argument) {
  auto command = parse_mail(argument, {.auth = !options_.auth_mechanisms.empty()});
  if (!command) return refuse_command(reply_to(command.error(), Verb::mail));
  if (command->size > options_.message_size) return refuse_command(replies::too_large());
  smtputf8_ = command->smtputf8;
  ask(Question::sender, SenderProposed{std::move(*command)});
}

void ServerSession::handle_rcpt(std::string_view argument) {
  auto command = parse_rcpt(argument, smtputf8_);
  if (!command) return refuse_command(reply_to(command.error(), Verb::rcpt));
  if (recipients_ >= options_.recipients) return refuse_command(replies::too_many_recipients());
  ask(Question::recipient, RecipientProposed{std::move(*command)});
}

void ServerSession::handle_data(std::string_view argument) {
  const auto parsed = parse_no_argument(argument);
  if (!parsed) return refuse_command(reply_to(parsed.error(), Verb::data));
  ask(Question::start_content, ContentProposed{});
}

void ServerSession::handle_rset(std::string_view argument) {
  const auto parsed = parse_no_argument(argument);
  if (!parsed) return refuse_command(reply_to(parsed.error(), Verb::rset));
  if (in_transaction()) {
    event_ = TransactionReset{};
    end_transaction();
  }
  send(replies::reset());
  close_if_stopping();
}

/// Tells nothing that RCPT would not [RFC5321 3.5.3].
void ServerSession::handle_vrfy(std::string_view argument) {
  const auto parsed = parse_vrfy(argument);
  if (!parsed) return refuse_command(reply_to(parsed.error(), Verb::vrfy));
  send(replies::not_telling());
}

void ServerSession::handle_help(std::string_view argument) {
  const auto parsed = parse_string(argument, false);
  if (!parsed) return refuse_command(reply_to(parsed.error(), Verb::help));
  send(replies::help());
}

void ServerSession::handle_noop(std::string_view argument) {
  const auto parsed = parse_string(argument, false);
  if (!parsed) return refuse_command(reply_to(parsed.error(), Verb::noop));
  send(replies::ok());
}

void ServerSession::handle_quit(std::string_view argument) {
  const auto parsed = parse_no_argument(argument);
  if (!parsed) return refuse_command(reply_to(parsed.error(), Verb::quit));
  send(replies::goodbye(options_.hostname));
  close(ServerCloseReason::quit);
}

void ServerSession::handle_starttls(std::string_view argument) {
  const auto parsed = parse_no_argument(argument);  // [RFC3207 4]
  if (!parsed) return refuse_command(reply_to(parsed.error(), Verb::starttls));
  state_ = ServerState::starting_tls;
  event_ = StartTls{};
  send(replies::ready_for_tls());
}

void ServerSession::answer(const Reply& reply) {
  const Question question = std::exchange(question_, Question::none);
  answered_ = true;
  if (reply.code == 421) {  // [RFC5321 3.8]
    send(reply);
    return close(ServerCloseReason::refused);
  }
  switch (question) {
    case Question::sender: return answer_sender(reply);
    case Question::recipient: return answer_recipient(reply);
    case Question::start_content: return answer_start_content(reply);
    case Question::content: return answer_content(reply);
    case Question::queue_start: return answer_queue_start(reply);
    case Question::none:
    case Question::auth: break;
  }
  PH_ASSERT(false);  // Nothing was asked that a reply answers.
}

void ServerSession::answer_sender(const Reply& reply) {
  send(reply);
  if (reply.is_positive()) {
    state_ = ServerState::sender_given;
  } else {
    end_transaction();
    close_if_stopping();
  }
}

void ServerSession::answer_recipient(const Reply& reply) {
  if (reply.is_permanent() && ++refused_recipients_ > options_.abuse.refused_recipients) {
    return close_for_abuse();
  }
  send(reply);
  if (!reply.is_positive()) return;
  ++recipients_;
  state_ = ServerState::recipient_given;
}

void ServerSession::answer_start_content(const Reply& reply) {
  if (chunk_.first) return answer_first_chunk(reply);
  send(reply);
  if (!reply.is_intermediate()) {
    end_transaction();
    return close_if_stopping();
  }
  state_ = ServerState::content;
  begin_content();
}

void ServerSession::answer_content(const Reply& reply) {
  PH_ASSERT(!reply.is_intermediate());
  send_about_content(reply);
  if (reply.is_positive()) {
    bad_commands_ = 0;
    commands_without_mail_ = 0;
    refused_recipients_ = 0;
  }
  end_transaction();
  close_if_stopping();
}

}  // namespace smtp
