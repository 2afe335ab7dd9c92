#include <algorithm>

#include "base/ascii.h"
#include "smtp/server_replies.h"
#include "smtp/server_session.h"

// From octets to command lines. Only CRLF ends a line; anything else that looks like an end closes
// the session, since two hosts might not agree on what follows.
namespace smtp {
namespace {

/// What the log may see of a line.
[[nodiscard]] std::string_view without_secrets(std::string_view line) {
  constexpr std::string_view verb = "AUTH";
  return base::starts_with_nocase(line, verb) ? line.substr(0, verb.size()) : line;
}

}  // namespace

std::size_t ServerSession::receive_line(std::string_view octets, base::Instant now) {
  if (is_other_protocol(octets)) {
    close(ServerCloseReason::http);
    return octets.size();
  }
  if (after_cr_) {
    after_cr_ = false;
    if (octets[0] == '\n') {
      end_line({}, now);
    } else {
      handle_bare_cr_or_lf({});
    }
    return 1;
  }

  const std::size_t lf = std::min(octets.find('\n'), octets.size());
  const std::size_t end = std::min(octets.substr(0, lf).find('\r'), lf);
  const std::string_view text = octets.substr(0, end);
  if (end + 1 < octets.size() && octets[end] == '\r' && octets[end + 1] == '\n') {
    end_line(text, now);
    return end + 2;
  }
  if (end + 1 < octets.size() || lf < octets.size()) {
    handle_bare_cr_or_lf(text);
    return octets.size();
  }
  keep_line(text);
  after_cr_ = end < octets.size();
  return octets.size();
}

/// The peer begins with TLS where we do not expect it: ContentType handshake [RFC8446 5.1]. HTTP is
/// found by its verbs.
bool ServerSession::is_other_protocol(std::string_view octets) {
  const bool first = first_octet_;
  first_octet_ = false;
  return first && !tls_ && octets[0] == 0x16;
}

std::size_t ServerSession::line_octets_max(std::string_view start) const {
  const bool is_auth = state_ == ServerState::authenticating ||
                       (offers_auth() && base::starts_with_nocase(start, "AUTH "));
  return is_auth ? auth_line_octets_max : command_line_octets_max;
}

/// Keeps the beginning of a line. Of a line that is too long so much stays as the log shows.
void ServerSession::keep_line(std::string_view text) {
  if (discards_) return;
  line_ += text.substr(0, auth_line_octets_max);
  if (line_.size() + 2 <= line_octets_max(line_)) return;
  discards_ = true;
  line_.resize(std::min(line_.size(), command_line_octets_max));
}

void ServerSession::end_line(std::string_view text, base::Instant now) {
  // Between chunks only content counts, so that small ones do not keep a session alive.
  if (state_ != ServerState::chunks_given) {
    deadline_ = now + options_.idle_timeout;
    answered_ = false;
  }
  const bool is_whole = line_.empty() && !discards_;
  if (!is_whole) keep_line(text);
  const std::string_view line = is_whole ? text : std::string_view(line_);
  const bool too_long = discards_ || line.size() + 2 > line_octets_max(line);
  discards_ = false;

  refused_line_ = without_secrets(line);
  if (state_ == ServerState::authenticating) {
    if (too_long) {
      end_auth(replies::auth_line_too_long());
    } else {
      handle_auth_response(line);
    }
  } else if (too_long) {
    refuse_command(replies::line_too_long());
  } else {
    handle_command(line);
  }
  refused_line_ = {};
  if (line_.capacity() > command_line_octets_max) line_ = std::string();
  line_.clear();
}

/// `text` is what stands between the kept beginning of the line and the stray octet.
void ServerSession::handle_bare_cr_or_lf(std::string_view text) {
  std::string line = line_;
  if (!discards_) line += text;
  const bool is_auth = state_ == ServerState::authenticating;
  if (!is_auth && split_command(line).verb == Verb::http) return close(ServerCloseReason::http);
  refused_line_ = is_auth ? std::string_view() : without_secrets(line);
  if (!event_)
    event_ = CommandRefused{std::string(refused_line_), replies::bare_cr_or_lf_in_command()};
  refused_line_ = {};
  send(replies::bare_cr_or_lf_in_command());
  close(ServerCloseReason::bare_cr_or_lf);
}

}  // namespace smtp
