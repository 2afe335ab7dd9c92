#include "smtp/server_replies.h"

#include <fmt/format.h>

namespace smtp {
namespace {

[[nodiscard]] Reply plain(int code, std::string text) {
  return {.code = code, .enhanced = std::nullopt, .text = std::move(text)};
}

/// A reply with the enhanced code `<class of code>.subject.detail`.
struct Detail {
  std::uint16_t subject;
  std::uint16_t detail;
};
[[nodiscard]] Reply reply(int code, Detail detail, std::string text) {
  const auto class_digit = static_cast<std::uint8_t>(code / 100);
  return {.code = code,
          .enhanced = EnhancedStatus{class_digit, detail.subject, detail.detail},
          .text = std::move(text)};
}

/// Syntax of what stands between the brackets [RFC3463 3.2].
[[nodiscard]] Reply bad_address(grammar::ParseErrorCode code, Verb verb) {
  return reply(501, {1, static_cast<std::uint16_t>(verb == Verb::rcpt ? 3 : 7)},
               "bad address: " + std::string(grammar::describe(code)));
}

[[nodiscard]] Reply bad_arguments(grammar::ParseErrorCode code) {
  return reply(501, {5, 4}, "syntax error: " + std::string(grammar::describe(code)));
}

[[nodiscard]] Reply needs_smtputf8(Verb verb) {  // [RFC6531 3.5]
  return reply(verb == Verb::mail ? 550 : 553, {6, 7}, "non-ASCII address without SMTPUTF8");
}

[[nodiscard]] Reply reply_to_path(grammar::ParseErrorCode code, Verb verb) {
  using enum grammar::ParseErrorCode;
  switch (code) {
    case missing_left_angle:
    case missing_right_angle:
    case trailing_text:
    case bad_xtext: return bad_arguments(code);
    case non_ascii: return needs_smtputf8(verb);
    case missing_at_sign:
    case missing_colon:
    case unexpected_character:
    case null_forward_path:
    case empty_atom:
    case unclosed_quoted_string:
    case bad_quoted_pair:
    case control_in_quoted_string:
    case empty_domain_label:
    case bad_domain_label:
    case bad_internationalized_domain:
    case bad_address_literal:
    case bad_utf8:
    case domain_label_too_long:
    case domain_too_long:
    case local_part_too_long:
    case path_too_long: return bad_address(code, verb);
  }
  return bad_arguments(code);
}

}  // namespace

Reply reply_to(const CommandError& error, Verb verb) {
  using enum CommandErrorCode;
  switch (error.code) {
    case bad_path: return reply_to_path(error.path, verb);
    case missing_argument: return reply(501, {5, 4}, "argument missing");
    case unexpected_argument: return reply(501, {5, 4}, "takes no argument");
    case bad_argument: return reply(501, {5, 4}, "bad argument");
    case missing_keyword:
      return reply(501, {5, 4}, verb == Verb::rcpt ? "TO: expected" : "FROM: expected");
    case text_after_path: return reply(501, {5, 4}, "text after the path");
    case bad_parameter: return reply(501, {5, 4}, "bad parameter");
    case unknown_parameter: return reply(555, {5, 4}, "unknown parameter");
    case repeated_parameter: return reply(501, {5, 4}, "parameter given twice");
    case bad_parameter_value: return reply(501, {5, 4}, "bad value of a parameter");
    case bad_base64: return replies::bad_base64();
  }
  return reply(501, {5, 4}, "syntax error");
}

namespace replies {

Reply sender_ok() { return reply(250, {1, 0}, "sender ok"); }
Reply recipient_ok() { return reply(250, {1, 5}, "recipient ok"); }
Reply start_content() { return plain(354, "go on, end with <CRLF>.<CRLF>"); }
Reply accepted(std::string_view id) {
  return reply(250, {0, 0}, fmt::format("accepted as {}", id));
}
Reply authenticated() { return reply(235, {7, 0}, "authenticated"); }

Reply unknown_recipient() { return reply(550, {1, 1}, "no such mailbox here"); }
Reply relaying_denied() { return reply(550, {7, 1}, "relaying denied"); }
Reply not_your_address() { return reply(553, {7, 1}, "not an address of yours"); }
Reply source_route_refused() { return reply(550, {1, 3}, "source routes are not taken here"); }
Reply source_route_loops() { return reply(550, {4, 6}, "the source route comes round"); }
Reply null_mx() { return reply(556, {1, 10}, "that domain takes no mail"); }
Reply alias_too_large() { return reply(451, {3, 5}, "too many addresses behind this one"); }
Reply alias_loop() { return reply(550, {4, 6}, "an alias leads back to itself"); }
Reply routing_loop() { return reply(554, {4, 6}, "too many hops"); }
Reply queue_started(std::string_view node, std::optional<std::size_t> messages) {
  if (!messages) return reply(250, {0, 0}, fmt::format("queuing for {} started", node));
  if (*messages == 0) return reply(251, {0, 0}, fmt::format("no messages waiting for {}", node));
  return reply(253, {0, 0}, fmt::format("{} pending messages for {} started", *messages, node));
}
Reply queue_not_started(std::string_view node) {
  return reply(458, {7, 1}, fmt::format("unable to queue messages for {} now", node));
}
Reply queue_refused(std::string_view node) {
  return reply(459, {7, 1}, fmt::format("{} not allowed", node));
}
Reply rate_exceeded(std::string_view what, base::Duration wait) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  return reply(450, {7, 1}, fmt::format("too many {}, try again in {} s", what, seconds));
}
Reply wrong_credentials() { return reply(535, {7, 8}, "authentication failed"); }
Reply too_many_password_checks() { return reply(454, {7, 0}, "busy, try again later"); }
Reply authentication_unavailable() { return reply(454, {7, 0}, "cannot check that now"); }
Reply no_resources() { return reply(452, {3, 1}, "no room now, try again later"); }
Reply directory_unavailable() { return reply(451, {4, 3}, "cannot look that up now"); }
Reply policy_refused(std::string_view text) {
  return reply(550, {7, 1}, text.empty() ? "refused" : std::string(text));
}
Reply too_many_sessions(std::string_view hostname) {
  return reply(421, {3, 2}, fmt::format("{} too many connections, try again later", hostname));
}

Reply greeting(std::string_view hostname) {
  return plain(220, fmt::format("{} ESMTP Posthaste", hostname));
}
Reply ok() { return reply(250, {0, 0}, "ok"); }
Reply reset() { return reply(250, {0, 0}, "reset"); }
Reply not_telling() { return reply(252, {0, 0}, "send some mail, I'll try to deliver it"); }
Reply help() { return reply(214, {0, 0}, "see RFC 5321"); }
Reply goodbye(std::string_view hostname) {
  return reply(221, {0, 0}, fmt::format("{} closing", hostname));
}
Reply ready_for_tls() { return reply(220, {0, 0}, "ready for TLS"); }
Reply too_large() { return reply(552, {3, 4}, "message too large"); }
Reply too_many_recipients() { return reply(452, {5, 3}, "too many recipients"); }

Reply bad_sequence(Verb verb, ServerState state) {
  const bool is_chunked = state == ServerState::chunks_given;
  if (is_chunked) return reply(503, {5, 1}, "go on with BDAT, or give it up by RSET");
  if (verb == Verb::data || verb == Verb::bdat) return reply(503, {5, 1}, "no valid recipients");
  if (verb == Verb::auth) return reply(503, {5, 1}, "AUTH is not possible here or now");
  return reply(503, {5, 1}, "bad sequence of commands");
}
Reply chunk_received(std::uint64_t octets) {
  return reply(250, {0, 0}, fmt::format("{} octets received", octets));
}
Reply unknown_command() { return reply(500, {5, 1}, "unknown command"); }
Reply not_implemented() { return reply(502, {5, 1}, "not implemented"); }
Reply line_too_long() { return reply(500, {5, 2}, "line too long"); }
Reply auth_line_too_long() { return reply(500, {5, 6}, "line too long"); }  // [RFC4954 4]
Reply bare_cr_or_lf_in_command() { return reply(500, {5, 2}, "bare CR or LF"); }
Reply bare_cr_or_lf_in_content() { return reply(550, {6, 0}, "bare CR or LF in the message"); }
Reply authentication_required() { return reply(530, {7, 0}, "authentication required"); }
Reply encryption_required() { return reply(538, {7, 11}, "AUTH needs TLS: give STARTTLS first"); }
Reply unknown_mechanism() { return reply(504, {5, 4}, "unknown mechanism"); }
Reply authentication_cancelled() { return reply(501, {7, 0}, "cancelled"); }
Reply bad_base64() { return reply(501, {5, 2}, "bad base64"); }

Reply timed_out(std::string_view hostname) {
  return reply(421, {4, 2}, fmt::format("{} waited too long, closing", hostname));
}
Reply abuse(std::string_view hostname) {
  return reply(421, {7, 0}, fmt::format("{} too many errors, closing", hostname));
}
Reply stopping(std::string_view hostname) {
  return reply(421, {3, 2}, fmt::format("{} is stopping, closing", hostname));
}

}  // namespace replies
}  // namespace smtp
