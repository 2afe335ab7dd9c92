#include "smtp/server_replies.h"
#include "smtp/server_session.h"

// From octets to content. What cannot be accepted is read to its end all the same, so that the
// client hears why, and nothing in it is ever taken for a command.
namespace smtp {

std::size_t ServerSession::receive_content(std::string_view octets, base::Instant now) {
  const ContentDecoder::Step step = decoder_.decode(octets);
  content_octets_ += step.span.size();
  const bool bare = decoder_.has_bare_cr_or_lf();
  if (!content_refused_ && (bare || content_octets_ > options_.message_size)) {
    using enum ContentAborted::Reason;
    content_refused_ = true;
    event_ = ContentAborted{bare ? bare_cr_or_lf : too_large};
  } else if (!content_refused_ && !step.span.empty()) {
    event_ = ContentChunk{step.span};
  }
  count_content(step.used, now);
  if (step.ended && state_ == ServerState::content) {
    deadline_ = now + options_.idle_timeout;
    end_content();
  }
  return step.used;
}

/// Moves the deadline, but not for single octets, and ends what never ends.
void ServerSession::count_content(std::size_t used, base::Instant now) {
  content_used_ += used;
  progress_ += used;
  if (progress_ >= content_progress_octets) {
    progress_ = 0;
    answered_ = false;
    deadline_ = now + options_.idle_timeout;
  }
  if (content_refused_ && content_used_ > options_.message_size + refused_content_octets_max) {
    send(decoder_.has_bare_cr_or_lf() ? replies::bare_cr_or_lf_in_content() : replies::too_large());
    close(ServerCloseReason::content_too_large);
  }
}

void ServerSession::end_content() {
  if (decoder_.has_bare_cr_or_lf()) {
    send(replies::bare_cr_or_lf_in_content());
    close(ServerCloseReason::bare_cr_or_lf);
  } else if (content_refused_) {
    send(replies::too_large());
    end_transaction();
    close_if_stopping();
  } else {
    ask(Question::content, ContentEnded{content_octets_});
  }
}

}  // namespace smtp
