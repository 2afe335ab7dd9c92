#include <algorithm>
#include <utility>

#include "smtp/server_replies.h"
#include "smtp/server_session.h"

// BDAT [RFC3030 2]: content by its count. What is refused is read to the end of its count all the
// same, so that nothing in it is ever taken for a command.
namespace smtp {

void ServerSession::handle_bdat(std::string_view argument) {
  const auto command = parse_bdat(argument);
  if (!command) return refuse_command(reply_to(command.error(), Verb::bdat));
  chunk_ = {.octets = command->octets,
            .left = command->octets,
            .last = command->last,
            .first = false,
            .before = state_,
            .refusal = std::nullopt};
  if (!server_transition(state_, Verb::bdat)) {
    chunk_.refusal = replies::bad_sequence(Verb::bdat, state_);
    return begin_chunk();
  }
  if (command->octets == 0 && !command->last) {
    count_command(Verb::bdat);
    if (state_ == ServerState::closed) return;
  }
  const bool is_first = state_ == ServerState::recipient_given;
  if (is_first) begin_content();
  if (!content_refused_ && command->octets > options_.message_size - content_octets_) {
    content_refused_ = true;
    event_ = ContentAborted{ContentAborted::Reason::too_large};
    chunk_.refusal = replies::too_large();
  } else if (is_first) {
    chunk_.first = true;
    return ask(Question::start_content, ContentProposed{});
  }
  begin_chunk();
}

void ServerSession::answer_first_chunk(const Reply& reply) {
  chunk_.first = false;
  if (!reply.is_intermediate()) chunk_.refusal = reply;
  begin_chunk();
}

void ServerSession::begin_chunk() {
  // So much is not read even for the sake of a clean reply.
  const std::uint64_t most = options_.message_size + refused_content_octets_max;
  if ((chunk_.refusal || content_refused_) &&
      chunk_.octets > most - std::min(content_used_, most)) {
    send_about_chunk(chunk_.refusal ? *chunk_.refusal : replies::bare_cr_or_lf_in_content());
    return close(ServerCloseReason::content_too_large);
  }
  state_ = ServerState::chunk;
  if (chunk_.left == 0 && !event_) end_chunk();
}

std::size_t ServerSession::receive_chunk(std::string_view octets, base::Instant now) {
  const std::string_view span =
      octets.substr(0, std::min<std::uint64_t>(chunk_.left, octets.size()));
  chunk_.left -= span.size();
  if (!chunk_.refusal) {
    content_octets_ += span.size();
    chunk_scan_.take(span);
    if (!content_refused_ && chunk_scan_.found()) {
      content_refused_ = true;
      event_ = ContentAborted{ContentAborted::Reason::bare_cr_or_lf};
    } else if (!content_refused_) {
      event_ = ContentChunk{span};
    }
  }
  count_content(span.size(), now);
  if (chunk_.left == 0 && state_ == ServerState::chunk) {
    if (chunk_.last) deadline_ = now + options_.idle_timeout;
    if (!event_) end_chunk();
  }
  return span.size();
}

/// All octets of the chunk are here, and the driver has had them.
void ServerSession::end_chunk() {
  if (chunk_.refusal) return end_unwanted_chunk();
  chunks_failed_ = false;
  if (!chunk_.last) {
    state_ = ServerState::chunks_given;
    return send(replies::chunk_received(chunk_.octets));
  }
  chunk_scan_.end();
  if (!content_refused_ && chunk_scan_.found()) {
    content_refused_ = true;
    event_ = ContentAborted{ContentAborted::Reason::bare_cr_or_lf};
  }
  state_ = ServerState::content;
  end_content();
}

/// One reply, or in LMTP as many as for other content when it is the last chunk [RFC2033 4.2].
void ServerSession::send_about_chunk(const Reply& reply) {
  const bool in_transaction = server_transition(chunk_.before, Verb::bdat).has_value();
  if (chunk_.last && in_transaction) return send_about_content(reply);
  send(reply);
}

void ServerSession::end_unwanted_chunk() {
  const Reply reply = *std::exchange(chunk_.refusal, std::nullopt);
  state_ = chunk_.before;
  const bool is_transaction_over = server_transition(state_, Verb::bdat).has_value();
  if (!is_transaction_over) {
    const bool is_in_pipeline = std::exchange(chunks_failed_, chunks_failed_ && !chunk_.last);
    refused_line_ = "BDAT";
    if (!is_in_pipeline) refuse_command(reply);
    refused_line_ = {};
    if (!is_in_pipeline) return;
    if (++commands_without_mail_ > options_.abuse.commands_without_mail) return close_for_abuse();
    return send(reply);
  }
  chunks_failed_ = !chunk_.last;
  send_about_chunk(reply);
  end_transaction();
  close_if_stopping();
}

}  // namespace smtp
