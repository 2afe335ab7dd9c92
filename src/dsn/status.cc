#include "dsn/status.h"

#include "base/ascii.h"

namespace dsn {
namespace {

bool is_class(char c) { return c == '2' || c == '4' || c == '5'; }

bool is_success(Kind kind) {
  switch (kind) {
    case Kind::failed:
    case Kind::expired:
    case Kind::delayed: return false;
    case Kind::delivered:
    case Kind::relayed:
    case Kind::expanded: return true;
  }
  return false;
}

/// A 4yz may be the reason of a final failure, but a 2yz never is.
bool fits(char status_class, Kind kind) {
  if (is_success(kind)) return status_class == '2';
  if (kind == Kind::delayed) return status_class == '4';
  return status_class == '4' || status_class == '5';
}

std::string_view status_of_kind(Kind kind) {
  switch (kind) {
    case Kind::failed: return "5.0.0";
    case Kind::expired: return "4.4.7";  // "Delivery time expired" [RFC3463 3.5].
    case Kind::delayed: return "4.0.0";
    case Kind::delivered:
    case Kind::relayed:
    case Kind::expanded: return "2.0.0";
  }
  return "";
}

/// `.` and 1 to 3 digits, taken off `text`.
bool take_number(std::string_view& text) {
  if (!text.starts_with('.')) return false;
  text.remove_prefix(1);
  std::size_t digits = 0;
  while (digits < text.size() && base::is_digit(text[digits])) ++digits;
  text.remove_prefix(digits);
  return digits >= 1 && digits <= 3;
}

struct Explanation {
  std::string_view detail;  ///< Subject and detail of the status [RFC3463 3].
  std::string_view sentence;
};

constexpr Explanation explanations[] = {
    {"1.1", "There is no such mailbox."},
    {"1.2", "The domain of this address does not exist."},
    {"1.3", "The address is not written correctly."},
    {"1.6", "The mailbox has moved, and nobody knows where to."},
    {"1.10", "This domain does not take any mail."},
    {"2.1", "The mailbox is not in use at present."},
    {"2.2", "The mailbox is full."},
    {"2.3", "The message is too large for this mailbox."},
    {"3.1", "The receiving host has no space left."},
    {"3.4", "The message is too large for the receiving host."},
    {"4.1", "The receiving host does not answer."},
    {"4.2", "The connection to the receiving host was lost."},
    {"4.3", "The host could not be looked up in the DNS."},
    {"4.4", "No host was found that takes mail for this domain."},
    {"4.6", "The message would go round in a circle."},
    {"4.7", "The time to deliver the message has run out."},
    {"6.3", "The message cannot be converted to what the receiving host understands."},
    {"6.7", "The receiving host does not take internationalized addresses."},
    {"7.1", "The receiving host does not permit this."},
};

}  // namespace

bool is_status(std::string_view text) {
  if (text.empty() || !is_class(text.front())) return false;
  text.remove_prefix(1);
  return take_number(text) && take_number(text) && text.empty();
}

bool is_reply(std::string_view text) {
  return text.size() >= 3 && text[0] >= '2' && text[0] <= '5' && base::is_digit(text[1]) &&
         base::is_digit(text[2]) && (text.size() == 3 || !base::is_alnum(text[3]));
}

std::string status_of_reply(std::string_view reply) {
  if (!is_reply(reply) || !is_class(reply.front())) return "";
  const char reply_class = reply.front();
  reply.remove_prefix(std::min<std::size_t>(4, reply.size()));
  const std::string_view word = reply.substr(0, reply.find_first_of(" \t\r\n"));
  if (is_status(word) && word.front() == reply_class) return std::string(word);
  return std::string(1, reply_class) + ".0.0";
}

std::string effective_status(const RecipientReport& recipient) {
  if (is_status(recipient.status)) return recipient.status;
  const std::string said = status_of_reply(recipient.reply);
  if (said.empty() || !fits(said.front(), recipient.kind)) {
    return std::string(status_of_kind(recipient.kind));
  }
  // "4.0.0" says less than "the time has run out".
  if (recipient.kind == Kind::expired && said.ends_with(".0.0")) {
    return std::string(status_of_kind(recipient.kind));
  }
  return said;
}

std::string_view explain_status(std::string_view status) {
  if (status.size() < 2) return "";
  for (const Explanation& row : explanations) {
    if (status.substr(2) == row.detail) return row.sentence;
  }
  return "";
}

}  // namespace dsn
