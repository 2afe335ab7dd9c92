#include "dsn/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/assert.h"
#include "base/escape.h"
#include "dsn/human.h"
#include "dsn/status.h"
#include "dsn/text.h"
#include "grammar/header.h"
#include "grammar/xtext.h"

namespace dsn {
namespace {

constexpr std::size_t field_value_octets_max = 2'000;

/// One body part: its header section, and its body, both with CRLF at their ends.
struct Part {
  std::string header_section;
  std::string body;
  bool eight_bit = false;
};

/// [RFC3464 2.3.3]
std::string_view action(Kind kind) {
  switch (kind) {
    case Kind::failed:
    case Kind::expired: return "failed";
    case Kind::delayed: return "delayed";
    case Kind::delivered: return "delivered";
    case Kind::relayed: return "relayed";
    case Kind::expanded: return "expanded";
  }
  return "";
}

/// The 7-bit form of an address that is not ASCII: `\x{E9}` stands for a character
/// [RFC6533 3]. Only for well-formed UTF-8.
std::string utf8_address(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    const bool plain = c > ' ' && c < '\x7f' && c != '+' && c != '=' && c != '\\';
    const std::size_t octets = std::max<std::size_t>(1, base::utf8_sequence(text));
    auto code = static_cast<unsigned char>(c) & (octets == 1 ? 0x7fu : 0x7fu >> octets);
    for (std::size_t i = 1; i < octets; ++i) {
      code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3fu);
    }
    out += plain ? std::string(1, c) : fmt::format("\\x{{{:02X}}}", code);
    text.remove_prefix(octets);
  }
  return out;
}

/// [RFC3464 2.3.2] [RFC6533 3]
std::string final_recipient(const grammar::Mailbox& mailbox) {
  if (mailbox.needs_smtputf8()) return "utf-8; " + utf8_address(mailbox.print());
  return "rfc822; " + mailbox.print(grammar::DomainForm::ascii);
}

/// `type;xtext` with the xtext decoded [RFC3464 2.3.1] [RFC3461 6.3 (d)].
std::string original_recipient(std::string_view text) {
  const std::size_t semicolon = text.find(';');
  const std::string_view type = text.substr(0, semicolon);
  const std::string_view address =
      semicolon == std::string_view::npos ? std::string_view() : text.substr(semicolon + 1);
  const auto decoded = grammar::xtext_decode(address);
  const std::string plain = decoded ? *decoded : std::string(address);
  if (!base::is_ascii(plain) && base::is_utf8(plain)) {
    return one_ascii_line(type, 50) + "; " + utf8_address(plain);
  }
  return one_ascii_line(type, 50) + "; " + one_ascii_line(plain, field_value_octets_max);
}

/// [RFC3464 2.3.6] [RFC3461 9.2]
std::string diagnostic(const RecipientReport& recipient) {
  const bool from_smtp = !recipient.remote_mta.empty() && is_reply(recipient.reply);
  const std::string_view type = from_smtp ? "smtp; " : "X-Posthaste; ";
  return std::string(type) + one_ascii_line(recipient.reply, reply_octets_max);
}

/// The fields of one recipient [RFC3464 2.3].
std::string recipient_fields(const RecipientReport& recipient) {
  std::string out = "\r\n";
  if (!recipient.original_recipient.empty()) {
    out += field("Original-Recipient", original_recipient(recipient.original_recipient));
  }
  out += field("Final-Recipient", final_recipient(recipient.final_recipient));
  out += field("Action", action(recipient.kind));
  out += field("Status", effective_status(recipient));
  if (!recipient.remote_mta.empty()) {
    out += field("Remote-MTA", "dns; " + one_ascii_line(recipient.remote_mta, 255));
  }
  if (!recipient.reply.empty()) out += field("Diagnostic-Code", diagnostic(recipient));
  if (recipient.last_attempt) {
    out += field("Last-Attempt-Date", base::rfc5322_date(*recipient.last_attempt));
  }
  if (recipient.kind == Kind::delayed && recipient.will_retry_until) {
    out += field("Will-Retry-Until", base::rfc5322_date(*recipient.will_retry_until));
  }
  return out;
}

Part human_part(const ReportInput& input, Returned returned) {
  const std::string text = human_text(input, returned);
  constexpr std::string_view description = "Content-Description: What happened\r\n";
  if (is_seven_bit(text)) {
    return {std::string("Content-Type: text/plain; charset=us-ascii\r\n").append(description),
            text};
  }
  return {std::string("Content-Type: text/plain; charset=utf-8\r\n"
                      "Content-Transfer-Encoding: quoted-printable\r\n")
              .append(description),
          quoted_printable(text)};
}

/// [RFC3464 2]
Part status_part(const ReportInput& input) {
  std::string body;
  if (!input.envelope_id.empty()) {
    body += field("Original-Envelope-Id", one_ascii_line(input.envelope_id, 1'000));
  }
  body += field("Reporting-MTA", "dns; " + std::string(input.hostname));
  if (input.arrival_date) body += field("Arrival-Date", base::rfc5322_date(*input.arrival_date));
  for (const RecipientReport& recipient : input.recipients) body += recipient_fields(recipient);
  return {
      "Content-Type: message/delivery-status\r\n"
      "Content-Description: Delivery report\r\n",
      std::move(body)};
}

/// Not more than returned_header_octets_max, and whole lines if there are any.
std::string_view bounded_header_section(std::string_view original) {
  const std::string_view section = grammar::split_content(original).header_section;
  if (section.size() <= returned_header_octets_max) return section;
  const std::string_view cut = section.substr(0, returned_header_octets_max);
  const std::size_t lf = cut.rfind('\n');
  return lf == std::string_view::npos ? cut : cut.substr(0, lf + 1);
}

/// A header section of UTF-8: another type says so [RFC6532 3.7] [RFC6533 6].
bool is_internationalized(std::string_view section) {
  return !base::is_ascii(section) && base::is_utf8(section);
}

/// Quoted-printable when it would not pass everywhere as it is [RFC6522 4].
Part header_part(std::string_view original) {
  const std::string_view section = bounded_header_section(original);
  std::string header = is_internationalized(section) ? "Content-Type: message/global-headers\r\n"
                                                     : "Content-Type: text/rfc822-headers\r\n";
  header += "Content-Description: Header section of your message\r\n";
  if (is_seven_bit(section)) return {std::move(header), std::string(section)};
  header += "Content-Transfer-Encoding: quoted-printable\r\n";
  return {std::move(header), quoted_printable(section)};
}

Part content_part(std::string_view original) {
  std::string header = is_internationalized(grammar::split_content(original).header_section)
                           ? "Content-Type: message/global\r\n"
                           : "Content-Type: message/rfc822\r\n";
  header += "Content-Description: Your message\r\n";
  const bool eight_bit = grammar::has_eight_bit(original);
  if (eight_bit) header += "Content-Transfer-Encoding: 8bit\r\n";
  return {std::move(header), std::string(original), eight_bit};
}

Returned what_returns(const ReportInput& input) {
  const bool failed = std::ranges::any_of(input.recipients, [](const RecipientReport& r) {
    return r.kind == Kind::failed || r.kind == Kind::expired;
  });
  if (input.return_content && failed && input.original.size() <= returned_content_octets_max &&
      is_eight_bit_text(input.original) && !input.original.empty()) {
    return Returned::content;
  }
  const bool has_header = !grammar::split_content(input.original).header_section.empty();
  return has_header ? Returned::header_section : Returned::nothing;
}

std::vector<Part> build_parts(const ReportInput& input) {
  const Returned returned = what_returns(input);
  std::vector<Part> parts{human_part(input, returned), status_part(input)};
  switch (returned) {
    case Returned::nothing: break;
    case Returned::header_section: parts.push_back(header_part(input.original)); break;
    case Returned::content: parts.push_back(content_part(input.original)); break;
  }
  return parts;
}

/// A boundary that stands in none of the parts [RFC2046 5.1.1].
std::string choose_boundary(const std::vector<Part>& parts, std::uint64_t random) {
  for (std::size_t n = 0;; ++n) {
    std::string boundary = fmt::format("=_{:016x}.{}", random, n);
    const auto has_it = [&](const Part& part) {
      return part.body.find(boundary) != std::string::npos;
    };
    if (std::ranges::none_of(parts, has_it)) return boundary;
  }
}

/// The Message-ID of the original, if it is one that can be repeated; else empty [RFC5322 3.6.4].
std::string original_message_id(std::string_view original) {
  const auto found = grammar::find_field(original, "Message-ID");
  if (!found) return "";
  std::string id = grammar::unfold(found->value);
  const bool framed = id.size() > 4 && id.size() <= 250 && id.front() == '<' && id.back() == '>';
  const bool clean = std::ranges::all_of(id, [](char c) { return c > ' ' && c < '\x7f'; });
  const bool one = std::ranges::count(id, '<') == 1 && std::ranges::count(id, '>') == 1;
  return framed && clean && one ? id : "";
}

/// [RFC3464 2] [RFC3834 3]
std::string report_header(const ReportInput& input, std::string_view boundary, bool eight_bit) {
  const grammar::Mailbox& originator = *input.reverse_path.mailbox;
  const auto form =
      originator.needs_smtputf8() ? grammar::DomainForm::as_received : grammar::DomainForm::ascii;
  std::string out;
  out += field("Date", base::rfc5322_date(input.date));
  out += fmt::format("From: Mail Delivery System <MAILER-DAEMON@{}>\r\n", input.hostname);
  out += fmt::format("To: <{}>\r\n", originator.print(form));
  out += field("Subject", subject(input));
  out += fmt::format("Message-ID: {}\r\n", grammar::message_id(input.id, input.hostname));
  if (const std::string id = original_message_id(input.original); !id.empty()) {
    out += fmt::format("In-Reply-To: {}\r\nReferences: {}\r\n", id, id);
  }
  out += "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n";
  out += fmt::format(
      "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"{}\"\r\n",
      boundary);
  if (eight_bit) out += "Content-Transfer-Encoding: 8bit\r\n";
  return out + "\r\n";
}

}  // namespace

Kind kind_of(Outcome outcome, bool relayed_on) {
  switch (outcome) {
    case Outcome::delivered: return relayed_on ? Kind::relayed : Kind::delivered;
    case Outcome::deferred: return Kind::delayed;
    case Outcome::bounced: return Kind::failed;
    case Outcome::expired: return Kind::expired;
  }
  return Kind::failed;
}

Report build_report(const ReportInput& input) {
  PH_ASSERT(!input.reverse_path.is_null() && !input.recipients.empty());
  const std::vector<Part> parts = build_parts(input);
  const std::string boundary = choose_boundary(parts, input.random);
  const bool eight_bit = std::ranges::any_of(parts, &Part::eight_bit);

  Report report{report_header(input, boundary, eight_bit), eight_bit};
  report.content += "This is a report on the delivery of a message, in MIME.\r\n";
  for (const Part& part : parts) {
    report.content += fmt::format("\r\n--{}\r\n", boundary);
    report.content += part.header_section;
    report.content += "\r\n";
    report.content += part.body;
  }
  report.content += fmt::format("\r\n--{}--\r\n", boundary);
  return report;
}

grammar::ForwardPath report_recipient(const grammar::ReversePath& reverse_path) {
  PH_ASSERT(!reverse_path.is_null());
  return {reverse_path.route, *reverse_path.mailbox};
}

}  // namespace dsn
