#include "smtp/verb.h"

#include "base/ascii.h"

namespace smtp {
namespace {

struct Word {
  std::string_view text;
  Verb verb;
};

constexpr Word words[] = {
    {"RCPT", Verb::rcpt},
    {"MAIL", Verb::mail},
    {"DATA", Verb::data},
    {"EHLO", Verb::ehlo},
    {"HELO", Verb::helo},
    {"RSET", Verb::rset},
    {"QUIT", Verb::quit},
    {"NOOP", Verb::noop},
    {"VRFY", Verb::vrfy},
    {"EXPN", Verb::expn},
    {"HELP", Verb::help},
    {"AUTH", Verb::auth},
    {"STARTTLS", Verb::starttls},
    {"BDAT", Verb::bdat},
    {"LHLO", Verb::lhlo},
    {"ETRN", Verb::etrn},
    {"ATRN", Verb::not_implemented},  // [RFC2645 5.2]
    {"TURN", Verb::not_implemented},  // [RFC5321 F.1]
    {"SEND", Verb::not_implemented},  // [RFC5321 F.6]
    {"SOML", Verb::not_implemented},  // [RFC5321 F.6]
    {"SAML", Verb::not_implemented},  // [RFC5321 F.6]
    {"BURL", Verb::not_implemented},  // [RFC4468 3.1]
    {"GET", Verb::http},
    {"POST", Verb::http},
    {"HEAD", Verb::http},
    {"PUT", Verb::http},
    {"PATCH", Verb::http},
    {"DELETE", Verb::http},
    {"OPTIONS", Verb::http},
    {"CONNECT", Verb::http},
    {"TRACE", Verb::http},
    {"PRI", Verb::http},  // [RFC9113 3.4]
};

}  // namespace

Verb parse_verb(std::string_view word) {
  for (const Word& known : words) {
    if (base::equal_nocase(word, known.text)) return known.verb;
  }
  return Verb::unknown;
}

std::string_view to_string(Verb verb) {
  switch (verb) {
    case Verb::not_implemented: return "(not implemented)";
    case Verb::http: return "(HTTP)";
    case Verb::unknown: return "(unknown)";
    case Verb::helo:
    case Verb::ehlo:
    case Verb::mail:
    case Verb::rcpt:
    case Verb::data:
    case Verb::rset:
    case Verb::vrfy:
    case Verb::expn:
    case Verb::help:
    case Verb::noop:
    case Verb::quit:
    case Verb::starttls:
    case Verb::auth:
    case Verb::bdat:
    case Verb::lhlo:
    case Verb::etrn: break;
  }
  for (const Word& known : words) {
    if (known.verb == verb) return known.text;
  }
  return {};
}

}  // namespace smtp
