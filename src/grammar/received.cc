#include "grammar/received.h"

#include <vector>

#include "base/ascii.h"
#include "grammar/path.h"

namespace grammar {
namespace {

/// In octets, without the line end [RFC5322 2.1.1].
constexpr std::size_t line_octets_wanted = 78;
/// What a tab at the front of a continuation line looks like.
constexpr std::size_t indent_columns = 8;

/// Text of others as the inside of a comment: what could end it, or escape, becomes `?`.
std::string comment_text(std::string_view text) {
  const bool cut = text.size() > helo_comment_octets_max;
  std::string out(text.substr(0, helo_comment_octets_max));
  for (char& c : out) {
    const bool special = c == '(' || c == ')' || c == '\\' || c == '"';
    if (special || base::is_control(c) || !base::is_ascii(c)) c = '?';
  }
  return cut ? out + "..." : out;
}

std::string comment(std::string_view text) { return "(" + comment_text(text) + ")"; }

///     From-domain = "FROM" FWS Extended-Domain      [RFC5321 4.4]
///     TCP-info    = address-literal / ...           [RFC5321 4.4]
void add_from_clause(std::vector<std::string>& tokens, const ReceivedParts& parts) {
  if (!parts.client) return;
  const std::string literal = Domain::literal(*parts.client).text();
  const auto helo = Domain::parse(parts.helo);
  if (helo) {
    tokens.push_back("from " + helo->ascii());
    tokens.push_back("(" + literal + ")");
    return;
  }
  tokens.push_back("from " + literal);
  tokens.push_back("(" + literal + ")");
  if (!parts.helo.empty()) tokens.push_back("(HELO " + comment_text(parts.helo) + ")");
}

/// The pieces between which the field may be folded.
std::vector<std::string> received_tokens(const ReceivedParts& parts) {
  std::vector<std::string> tokens;
  add_from_clause(tokens, parts);
  tokens.push_back("by " + std::string(parts.by));
  if (!parts.origin.empty()) tokens.push_back(comment(parts.origin));
  if (!parts.with.empty()) tokens.push_back("with " + std::string(parts.with));
  if (!parts.tls.empty()) tokens.push_back(comment(parts.tls));
  tokens.push_back("id " + std::string(parts.id));
  if (parts.recipient != nullptr && !parts.recipient->needs_smtputf8()) {
    tokens.push_back("for " + parts.recipient->print_without_route(DomainForm::ascii));
  }
  tokens.back() += ';';
  tokens.push_back(base::rfc5322_date(parts.date));
  return tokens;
}

}  // namespace

std::string protocol_name(const Protocol& protocol) {
  std::string name;
  if (protocol.smtputf8) {
    name = protocol.lmtp ? "UTF8LMTP" : "UTF8SMTP";
  } else if (protocol.lmtp) {
    name = "LMTP";
  } else {
    name = protocol.extended ? "ESMTP" : "SMTP";
  }
  // Neither exists without EHLO: "SMTPS" was never registered.
  const bool suffixes = protocol.extended || protocol.lmtp || protocol.smtputf8;
  if (suffixes && protocol.tls) name += 'S';
  if (suffixes && protocol.authenticated) name += 'A';
  return name;
}

std::string received_field(const ReceivedParts& parts) {
  std::string out = "Received:";
  std::size_t column = out.size();
  for (const std::string& token : received_tokens(parts)) {
    const bool fits = column + 1 + token.size() <= line_octets_wanted;
    out += fits ? " " : "\r\n\t";
    column = (fits ? column + 1 : indent_columns) + token.size();
    out += token;
  }
  return out + "\r\n";
}

}  // namespace grammar
