#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options.h"
#include "grammar/path.h"

namespace cli {

/// Who calls, and where.
struct LocalSender {
  std::string hostname;   ///< Completes bare names.
  std::string login;      ///< "ann"
  std::string full_name;  ///< May be empty.
};

/// A message of a local program, ready to be submitted.
struct LocalMessage {
  grammar::ReversePath reverse_path;
  std::vector<grammar::ForwardPath> forward_paths;
  std::string content;  ///< With CRLF.
};

/// Why there is none: for people, with a status of sysexits(3).
struct SendmailTrouble {
  int status;
  std::string text;
};

/// Makes a message of what a program has written to stdin. Pure.
///
/// A line with a dot alone ends it, unless -i. A first line "From …" of a mailbox file is left out.
/// What does not begin with a header field is body. A From field is added when there is none; Date
/// and Message-ID are the server's business. -t takes the recipients of To, Cc and Bcc beside those
/// of the command line, and removes Bcc. Names without a domain get `hostname` in the envelope;
/// header fields stay as they are.
[[nodiscard]] std::expected<LocalMessage, SendmailTrouble> make_local_message(
    std::string_view text, const SendmailOptions& options, const LocalSender& sender);

/// NOTIFY of -N as bits [RFC3461 4.1]; nullopt: it is none.
[[nodiscard]] std::optional<std::uint8_t> parse_notify(std::string_view text);

}  // namespace cli
