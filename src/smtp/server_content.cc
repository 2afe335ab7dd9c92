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
    send_about_content(has_bare_cr_or_lf() ? replies::bare_cr_or_lf_in_content()
                                           : replies::too_large());
    close(ServerCloseReason::content_too_large);
  }
}

bool ServerSession::has_bare_cr_or_lf() const {
  return decoder_.has_bare_cr_or_lf() || chunk_scan_.found();
}

void ServerSession::begin_content() {
  decoder_ = ContentDecoder();
  chunk_scan_ = BareScan();
  content_octets_ = 0;
  content_used_ = 0;
  progress_ = 0;
  content_refused_ = false;
}

void ServerSession::end_content() {
  if (has_bare_cr_or_lf() || content_refused_) return end_refused_content();
  ask(Question::content, ContentEnded{content_octets_});
}

void ServerSession::end_refused_content() {
  if (has_bare_cr_or_lf()) {
    send_about_content(replies::bare_cr_or_lf_in_content());
    return close(ServerCloseReason::bare_cr_or_lf);
  }
  send_about_content(replies::too_large());
  end_transaction();
  close_if_stopping();
}

/// LMTP has one reply for each accepted recipient [RFC2033 4.2].
void ServerSession::send_about_content(const Reply& reply) {
  const std::size_t times = options_.lmtp ? recipients_ : 1;
  for (std::size_t i = 0; i < times; ++i) send(reply);
}

}  // namespace smtp
