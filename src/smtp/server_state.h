#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "smtp/verb.h"

namespace smtp {

enum class ServerState : std::uint8_t {
  opened,     ///< No greeting yet.
  connected,  ///< Greeted by us; also after the TLS handshake of STARTTLS.
  greeted,    ///< EHLO or HELO was given.
  sender_given,
  recipient_given,
  content,
  chunk,         ///< Octets of a BDAT are on their way, wanted or not.
  chunks_given,  ///< Between two BDATs of one content.
  authenticating,
  starting_tls,
  closed,  ///< Send the rest of the output, then close.
};

inline constexpr std::size_t server_state_count = static_cast<std::size_t>(ServerState::closed) + 1;

[[nodiscard]] std::string_view to_string(ServerState state);

struct ServerTransition {
  ServerState from;
  Verb verb;
  ServerState to;  ///< If the command succeeds; otherwise the state stays.
};

/// Where a command leads; nullopt if it is out of order [RFC5321 4.1.4].
[[nodiscard]] std::optional<ServerState> server_transition(ServerState from, Verb verb);

}  // namespace smtp
