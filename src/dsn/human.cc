#include "dsn/human.h"

#include <fmt/format.h>

#include <algorithm>

#include "dsn/status.h"
#include "dsn/text.h"

namespace dsn {
namespace {

constexpr std::string_view address_indent = "  ";
constexpr std::string_view detail_indent = "    ";
constexpr std::size_t name_octets_max = 255;

/// In the order in which the originator should read about them.
constexpr Kind all_kinds[] = {Kind::failed,    Kind::expired, Kind::delayed,
                              Kind::delivered, Kind::relayed, Kind::expanded};

std::string_view introduction(Kind kind) {
  switch (kind) {
    case Kind::failed:
      return "It could not be delivered to the following recipients. Nothing more will be tried:";
    case Kind::expired:
      return "It could not be delivered to the following recipients within the time that is "
             "allowed. Nothing more will be tried:";
    case Kind::delayed:
      return "It has not been delivered to the following recipients yet. You need not send it "
             "again, we go on trying:";
    case Kind::delivered: return "It has been delivered to the following recipients:";
    case Kind::relayed:
      return "It has been passed on for the following recipients, to a host that does not promise "
             "to report on them:";
    case Kind::expanded:
      return "It has been passed on to the members behind the following addresses:";
  }
  return "";
}

std::string detail(std::string_view first, std::string_view text) {
  return wrapped(std::string(detail_indent).append(first), text, detail_indent);
}

std::string attempts_text(const RecipientReport& recipient) {
  if (recipient.attempts == 0 && !recipient.last_attempt) return "";
  std::string text = "Tried";
  if (recipient.attempts == 1) text += " once";
  if (recipient.attempts > 1) text += fmt::format(" {} times", recipient.attempts);
  if (recipient.last_attempt) {
    text += recipient.attempts == 1 ? ", on " : ", last on ";
    text += base::rfc5322_date(*recipient.last_attempt);
  }
  return detail("", text + ".");
}

/// What is known of one recipient.
std::string recipient_text(const RecipientReport& recipient) {
  std::string out =
      wrapped(address_indent, "<" + one_line(recipient.final_recipient.print(), 2'000) + ">", "  ");
  const std::string_view reason = explain_status(effective_status(recipient));
  if (!reason.empty()) out += detail("", reason);
  if (!recipient.reply.empty()) {
    const std::string name = one_line(recipient.remote_mta, name_octets_max);
    const std::string who = name.empty() ? "The reason: " : name + " said: ";
    out += detail("", who + one_line(recipient.reply, reply_octets_max));
  }
  out += attempts_text(recipient);
  if (recipient.kind == Kind::delayed && recipient.will_retry_until) {
    out += detail("", "We try until " + base::rfc5322_date(*recipient.will_retry_until) + ".");
  }
  return out;
}

bool has_kind(const ReportInput& input, Kind kind) {
  return std::ranges::any_of(input.recipients,
                             [kind](const RecipientReport& r) { return r.kind == kind; });
}

std::string closing(std::string_view host, Returned returned) {
  std::string text = "The same follows in a form for programs";
  switch (returned) {
    case Returned::nothing: break;
    case Returned::header_section: text += ", and then the header section of your message"; break;
    case Returned::content: text += ", and then your message"; break;
  }
  text.append(". If you need help, write to postmaster@").append(host);
  return wrapped("", text + " and include this whole report.", "");
}

}  // namespace

std::string human_text(const ReportInput& input, Returned returned) {
  const std::string host(input.hostname);
  std::string first = "This is the mail server " + host + ", with news of your message";
  if (input.arrival_date) first += " of " + base::rfc5322_date(*input.arrival_date);
  std::string out = wrapped("", first + ".", "");
  for (const Kind kind : all_kinds) {
    if (!has_kind(input, kind)) continue;
    out += "\r\n" + wrapped("", introduction(kind), "") + "\r\n";
    for (const RecipientReport& recipient : input.recipients) {
      if (recipient.kind == kind) out += recipient_text(recipient);
    }
  }
  return out + "\r\n" + closing(host, returned);
}

std::string_view subject(const ReportInput& input) {
  if (has_kind(input, Kind::failed) || has_kind(input, Kind::expired)) {
    return "Your message could not be delivered";
  }
  if (has_kind(input, Kind::delayed)) return "Your message is delayed";
  if (has_kind(input, Kind::delivered)) return "Your message has been delivered";
  return "Your message has been passed on";
}

}  // namespace dsn
