#include "smtp/command.h"

#include <algorithm>
#include <limits>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/escape.h"

namespace smtp {
namespace {

[[nodiscard]] auto fail(CommandErrorCode code, std::size_t offset = 0) {
  return std::unexpected(CommandError{code, offset});
}

[[nodiscard]] std::size_t find_control(std::string_view text) {
  const auto found =
      std::ranges::find_if(text, [](char c) { return base::is_control(c) && c != '\t'; });
  return static_cast<std::size_t>(found - text.begin());
}

///     sasl-mech = 1*20mech-char                                  [RFC4422 3.1]
///     mech-char = UPPER-ALPHA / DIGIT / HYPHEN / UNDERSCORE      [RFC4422 3.1]
///
/// Deviates: lower case, too, since some clients write it so.
[[nodiscard]] bool is_mechanism(std::string_view text) {
  return !text.empty() && text.size() <= 20 && std::ranges::all_of(text, [](char c) {
    return base::is_alnum(c) || c == '-' || c == '_';
  });
}

}  // namespace

CommandLine split_command(std::string_view line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  // Spaces before the CRLF are tolerated [RFC5321 4.1.1].
  return {parse_verb(base::trimmed(line.substr(0, end))), base::trimmed(line.substr(end))};
}

CommandResult<AuthCommand> parse_auth(std::string_view argument) {
  if (argument.empty()) return fail(CommandErrorCode::missing_argument);
  const std::size_t end = std::min(argument.find(' '), argument.size());
  AuthCommand out;
  out.mechanism.assign(argument.substr(0, end));
  if (!is_mechanism(out.mechanism)) return fail(CommandErrorCode::bad_argument);
  std::ranges::transform(out.mechanism, out.mechanism.begin(), base::to_upper);
  if (end == argument.size()) return out;

  const std::string_view response = base::trimmed(argument.substr(end));
  out.initial_response = response == "=" ? std::string() : base::base64_decode(response);
  if (!out.initial_response)
    return fail(CommandErrorCode::bad_base64, argument.size() - response.size());
  return out;
}

CommandResult<std::string_view> parse_hello(std::string_view argument) {
  if (argument.empty()) return fail(CommandErrorCode::missing_argument);
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  const auto bad = std::ranges::find_if_not(argument, printable);
  const auto offset = static_cast<std::size_t>(bad - argument.begin());
  if (offset < argument.size()) return fail(CommandErrorCode::bad_argument, offset);
  if (argument.size() > hello_octets_max) {
    return fail(CommandErrorCode::bad_argument, hello_octets_max);
  }
  return argument;
}

CommandResult<void> parse_no_argument(std::string_view argument) {
  if (!argument.empty()) return fail(CommandErrorCode::unexpected_argument);
  return {};
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  if (text.empty() || text.size() > size_digits_max) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!base::is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    value = value > (most - digit) / 10 ? most : value * 10 + digit;
  }
  return value;
}

CommandResult<BdatCommand> parse_bdat(std::string_view argument) {
  if (argument.empty()) return fail(CommandErrorCode::missing_argument);
  const std::size_t end = std::min(argument.find(' '), argument.size());
  const auto octets = parse_size(argument.substr(0, end));
  if (!octets) return fail(CommandErrorCode::bad_argument);
  const std::string_view marker = base::trimmed(argument.substr(end));
  if (!marker.empty() && !base::equal_nocase(marker, "LAST")) {
    return fail(CommandErrorCode::bad_argument, argument.size() - marker.size());
  }
  return BdatCommand{.octets = *octets, .last = !marker.empty()};
}

CommandResult<void> parse_vrfy(std::string_view argument) {
  if (auto parsed = parse_string(argument, true); !parsed) return parsed;
  const std::size_t space = argument.rfind(' ');
  const bool smtputf8 =
      space != argument.npos && base::equal_nocase(argument.substr(space + 1), "SMTPUTF8");
  const auto is_utf8 = [](char c) { return !base::is_ascii(c); };
  const auto offset =
      static_cast<std::size_t>(std::ranges::find_if(argument, is_utf8) - argument.begin());
  if (offset == argument.size()) return {};
  if (!base::is_utf8(argument)) return fail(CommandErrorCode::bad_argument, offset);
  if (smtputf8) return {};
  return std::unexpected(
      CommandError{CommandErrorCode::bad_path, offset, grammar::ParseErrorCode::non_ascii});
}

CommandResult<void> parse_string(std::string_view argument, bool required) {
  if (required && argument.empty()) return fail(CommandErrorCode::missing_argument);
  const std::size_t control = find_control(argument);
  if (control < argument.size()) return fail(CommandErrorCode::bad_argument, control);
  return {};
}

}  // namespace smtp
