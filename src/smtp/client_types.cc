#include "smtp/client_types.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/ascii.h"

namespace smtp {
namespace {

/// Kept; nobody offers as many.
constexpr std::size_t auth_mechanisms_max = 64;

[[nodiscard]] std::string_view take_word(std::string_view& rest) {
  rest = base::trimmed(rest);
  const std::string_view word = rest.substr(0, rest.find_first_of(" \t"));
  rest.remove_prefix(word.size());
  return word;
}

/// All of `text` as a number; nullopt also when it is too large for one.
template <class Number>
[[nodiscard]] std::optional<Number> parse_number(std::string_view text) {
  Number value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

void read_auth(std::string_view mechanisms, Capabilities& out) {  // [RFC4954 3]
  for (auto word = take_word(mechanisms); !word.empty(); word = take_word(mechanisms)) {
    std::string name(word);
    std::ranges::transform(name, name.begin(), base::to_upper);
    if (std::ranges::find(out.auth_mechanisms, name) == out.auth_mechanisms.end() &&
        out.auth_mechanisms.size() < auth_mechanisms_max) {
      out.auth_mechanisms.push_back(std::move(name));
    }
  }
}

void read_size(std::string_view argument, Capabilities& out) {  // [RFC1870 4]
  out.size = true;
  const auto octets = parse_number<std::uint64_t>(take_word(argument));
  if (octets && *octets > 0) out.size_octets_max = octets;  // 0: no fixed limit.
}

void read_limits(std::string_view limits, Capabilities& out) {  // [RFC9422 4]
  const auto read = [](std::string_view word, std::string_view name,
                       std::optional<std::uint32_t>& limit) {
    if (!base::starts_with_nocase(word, name)) return;
    const auto most = parse_number<std::uint32_t>(word.substr(name.size()));
    if (most && *most > 0) limit = most;
  };
  for (auto word = take_word(limits); !word.empty(); word = take_word(limits)) {
    read(word, "MAILMAX=", out.transactions_max);
    read(word, "RCPTMAX=", out.recipients_max);
    read(word, "RCPTDOMAINMAX=", out.domains_max);
  }
}

///     ehlo-line = ehlo-keyword *( SP ehlo-param )        [RFC5321 4.1.1.1]
void read_keyword(std::string_view line, Capabilities& out) {
  const std::string_view keyword = take_word(line);
  const auto is = [keyword](std::string_view known) { return base::equal_nocase(keyword, known); };
  if (is("PIPELINING")) out.pipelining = true;                      // [RFC2920 3]
  if (is("8BITMIME")) out.eight_bit_mime = true;                    // [RFC6152 2]
  if (is("SMTPUTF8")) out.smtputf8 = true;                          // [RFC6531 3.1]
  if (is("STARTTLS")) out.starttls = true;                          // [RFC3207 4]
  if (is("ENHANCEDSTATUSCODES")) out.enhanced_status_codes = true;  // [RFC2034 3]
  if (is("CHUNKING")) out.chunking = true;                          // [RFC3030 2]
  if (is("DSN")) out.dsn = true;                                    // [RFC3461 4]
  if (is("AUTH")) read_auth(line, out);
  if (is("SIZE")) read_size(line, out);
  if (is("LIMITS")) read_limits(line, out);
}

}  // namespace

Capabilities parse_capabilities(std::string_view text) {
  Capabilities out;
  out.extended = true;
  // The first line is the server's name and greeting.
  for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n')) {
    text.remove_prefix(end + 1);
    read_keyword(text.substr(0, text.find('\n')), out);
  }
  return out;
}

std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::greeting: return "greeting";
    case Stage::ehlo: return "EHLO";
    case Stage::starttls: return "STARTTLS";
    case Stage::auth: return "AUTH";
    case Stage::idle: return "idle";
    case Stage::mail: return "MAIL";
    case Stage::rcpt: return "RCPT";
    case Stage::data: return "DATA";
    case Stage::content: return "content";
    case Stage::final_dot: return "final dot";
    case Stage::quit: return "QUIT";
  }
  std::unreachable();
}

std::string_view to_string(CloseReason reason) {
  switch (reason) {
    case CloseReason::quit: return "quit";
    case CloseReason::refused: return "refused";
    case CloseReason::service_closing: return "service closing";
    case CloseReason::tls_unavailable: return "TLS unavailable";
    case CloseReason::auth_failed: return "authentication failed";
    case CloseReason::lost: return "connection lost";
    case CloseReason::timed_out: return "timed out";
    case CloseReason::protocol_error: return "protocol error";
  }
  std::unreachable();
}

}  // namespace smtp
