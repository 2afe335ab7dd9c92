#include "smtp/client_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "base/ascii.h"
#include "base/escape.h"
#include "grammar/notify.h"
#include "grammar/xtext.h"

namespace smtp {
namespace {

/// The code point of a well-formed sequence of UTF-8 [RFC3629 3].
[[nodiscard]] std::uint32_t code_point(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  std::uint32_t out = sequence.size() == 1 ? first : first & (0x7fu >> sequence.size());
  for (const char c : sequence.substr(1)) out = out << 6 | (static_cast<unsigned char>(c) & 0x3fu);
  return out;
}

///     EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}"        [RFC6533 3]
[[nodiscard]] std::string in_ascii(std::string_view address) {
  std::string out;
  while (!address.empty()) {
    const std::size_t octets = std::max<std::size_t>(1, base::utf8_sequence(address));
    const std::string_view character = address.substr(0, octets);
    if (octets == 1) {
      out += character;
    } else {
      fmt::format_to(std::back_inserter(out), "\\x{{{:X}}}", code_point(character));
    }
    address.remove_prefix(octets);
  }
  return out;
}

/// An address beyond US-ASCII only stands where SMTPUTF8 was said [RFC6533 3]. Empty: no ORCPT that
/// may be sent.
[[nodiscard]] std::string orcpt_of(std::string_view orcpt, bool smtputf8) {
  const bool fits = base::is_utf8(orcpt) && std::ranges::none_of(orcpt, [](char c) {
                      return base::is_control(c) || base::is_space(c);
                    });
  if (!fits) return {};
  if (smtputf8 || base::is_ascii(orcpt)) return std::string(orcpt);
  return base::starts_with_nocase(orcpt, "utf-8;") ? in_ascii(orcpt) : std::string();
}

///     notify-esmtp-value = "NEVER" / notify-list-element *( "," notify-list-element )
///                                                                     [RFC3461 4.1]
[[nodiscard]] std::string notify_value(std::uint8_t notify) {
  namespace bits = grammar::notify;
  if ((notify & bits::never) != 0) return "NEVER";
  std::string out;
  const auto add = [&](std::uint8_t bit, std::string_view word) {
    if ((notify & bit) == 0) return;
    if (!out.empty()) out += ',';
    out += word;
  };
  add(bits::success, "SUCCESS");
  add(bits::failure, "FAILURE");
  add(bits::delay, "DELAY");
  return out;
}

}  // namespace

///     mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF        [RFC5321 4.1.1.2]
void write_mail(const Transaction& transaction, const Capabilities& peer, bool smtputf8,
                std::string& out) {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "MAIL FROM:{}", transaction.reverse_path);
  if (peer.size) fmt::format_to(to, " SIZE={}", transaction.size);
  if (peer.eight_bit_mime && transaction.eight_bit) out += " BODY=8BITMIME";
  if (smtputf8) out += " SMTPUTF8";
  if (peer.dsn) {
    if (transaction.ret == DsnReturn::full) out += " RET=FULL";  // [RFC3461 4.3]
    if (transaction.ret == DsnReturn::headers) out += " RET=HDRS";
    if (!transaction.envid.empty()) {  // [RFC3461 4.4]
      fmt::format_to(to, " ENVID={}", grammar::xtext_encode(transaction.envid));
    }
  }
  out += "\r\n";
}

///     rcpt = "RCPT TO:" Forward-path [SP Rcpt-parameters] CRLF          [RFC5321 4.1.1.3]
///
/// What was not given is not made up: [RFC3461 5.2.1] leaves an ORCPT of our own to us.
void write_rcpt(std::string_view forward_path, const RecipientDsn* dsn, const Capabilities& peer,
                bool smtputf8, std::string& out) {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "RCPT TO:{}", forward_path);
  if (peer.dsn && dsn != nullptr) {
    const std::string notify = notify_value(dsn->notify);
    const std::string orcpt = orcpt_of(dsn->orcpt, smtputf8);
    if (!notify.empty()) fmt::format_to(to, " NOTIFY={}", notify);
    if (!orcpt.empty()) fmt::format_to(to, " ORCPT={}", orcpt);
  }
  out += "\r\n";
}

}  // namespace smtp
