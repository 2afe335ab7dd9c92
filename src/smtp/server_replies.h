#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/time.h"
#include "smtp/command.h"
#include "smtp/reply.h"
#include "smtp/server_state.h"

// Everything a server of ours says, in one place.
namespace smtp {

/// What a refused command is answered: the only place where errors become replies.
[[nodiscard]] Reply reply_to(const CommandError& error, Verb verb);

namespace replies {

// The driver's answers.
[[nodiscard]] Reply sender_ok();
[[nodiscard]] Reply recipient_ok();
[[nodiscard]] Reply start_content();
[[nodiscard]] Reply accepted(std::string_view id);  ///< After the content, on stable storage.
[[nodiscard]] Reply authenticated();

[[nodiscard]] Reply unknown_recipient();
[[nodiscard]] Reply relaying_denied();
[[nodiscard]] Reply not_your_address();  ///< AUTH user with a reverse-path not its own.
[[nodiscard]] Reply source_route_refused();
[[nodiscard]] Reply source_route_loops();
[[nodiscard]] Reply null_mx();
[[nodiscard]] Reply alias_loop();
[[nodiscard]] Reply alias_too_large();  ///< A mistake of ours: 4yz, so that nothing is lost by it.
[[nodiscard]] Reply routing_loop();     ///< Too many Received fields.
/// To ETRN [RFC1985 5.2]. `node`: as the client said it; `messages`: nullopt: not counted.
[[nodiscard]] Reply queue_started(std::string_view node, std::optional<std::size_t> messages);
[[nodiscard]] Reply queue_not_started(std::string_view node);  ///< 458: not now.
[[nodiscard]] Reply queue_refused(std::string_view node);      ///< 459: not for this client.
/// 450: too many of something in a time, which ends in `wait`.
[[nodiscard]] Reply rate_exceeded(std::string_view what, base::Duration wait);
[[nodiscard]] Reply wrong_credentials();
[[nodiscard]] Reply too_many_password_checks();
[[nodiscard]] Reply authentication_unavailable();
[[nodiscard]] Reply no_resources();           ///< 452: disk full, sync failed, no memory, overload.
[[nodiscard]] Reply directory_unavailable();  ///< 451: an answer could not be had in time.
[[nodiscard]] Reply policy_refused(std::string_view text);         ///< 550 5.7.1, `reject:TEXT`.
[[nodiscard]] Reply too_many_sessions(std::string_view hostname);  ///< 421, as greeting.

// The session's own.
[[nodiscard]] Reply greeting(std::string_view hostname);
[[nodiscard]] Reply ok();
[[nodiscard]] Reply reset();
[[nodiscard]] Reply not_telling();  ///< VRFY.
[[nodiscard]] Reply help();
[[nodiscard]] Reply goodbye(std::string_view hostname);
[[nodiscard]] Reply ready_for_tls();
[[nodiscard]] Reply too_large();
[[nodiscard]] Reply too_many_recipients();
[[nodiscard]] Reply bad_sequence(Verb verb, ServerState state);
[[nodiscard]] Reply chunk_received(std::uint64_t octets);
[[nodiscard]] Reply unknown_command();
[[nodiscard]] Reply not_implemented();
[[nodiscard]] Reply line_too_long();
[[nodiscard]] Reply auth_line_too_long();
[[nodiscard]] Reply bare_cr_or_lf_in_command();
[[nodiscard]] Reply bare_cr_or_lf_in_content();
[[nodiscard]] Reply authentication_required();
[[nodiscard]] Reply encryption_required();
[[nodiscard]] Reply unknown_mechanism();
[[nodiscard]] Reply authentication_cancelled();
[[nodiscard]] Reply bad_base64();
[[nodiscard]] Reply timed_out(std::string_view hostname);
[[nodiscard]] Reply abuse(std::string_view hostname);
[[nodiscard]] Reply stopping(std::string_view hostname);

}  // namespace replies
}  // namespace smtp
