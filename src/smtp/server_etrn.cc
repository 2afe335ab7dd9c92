#include <utility>

#include "smtp/server_replies.h"
#include "smtp/server_session.h"

// ETRN [RFC1985]: a host that is not always on asks for the mail that waits for it.
namespace smtp {

void ServerSession::handle_etrn(std::string_view argument) {
  auto command = parse_etrn(argument);
  if (!command) return refuse_command(reply_to(command.error(), Verb::etrn));
  ask(Question::queue_start, QueueStartProposed{std::move(*command)});
}

void ServerSession::answer_queue_start(const Reply& reply) {
  send(reply);
  close_if_stopping();
}

}  // namespace smtp
