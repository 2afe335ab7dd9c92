#include "grammar/address_list.h"

#include <string>

#include "base/ascii.h"

namespace grammar {
namespace {

using Code = ParseErrorCode;
using Done = ParseResult<void>;

/// [RFC5322 3.2.3] with [RFC6532 3.2]: what is no special, space or control.
bool is_atom_octet(char c) {
  return !base::is_control(c) &&
         std::string_view(" ()<>[]:;@\\,.\"").find(c) == std::string_view::npos;
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Words and dots, as they stand before an `@`, a `<`, a `:` or a comma: what they mean is known
/// only then.
struct Words {
  std::string value;  ///< Without quotes and white space.
  std::size_t start = 0;
  std::size_t count = 0;
  bool is_local_part = true;  ///< Words and dots take turns [RFC5322 4.4 obs-local-part].
};

class Reader {
 public:
  explicit Reader(std::string_view text) : in_(text) {}

  ParseResult<std::vector<Mailbox>> read() {
    for (;;) {
      if (const Done done = read_member(false); !done) return std::unexpected(done.error());
      if (in_.at_end()) return std::move(found_);
      if (!in_.take(',')) return in_.fail(Code::unexpected_character);
    }
  }

 private:
  /// One address of the list, or none (an empty member), and the white space around it.
  Done read_member(bool in_group);
  Done read_group();
  Done read_angle();
  Done skip_route();
  /// What stands behind the words of an addr-spec: `@` and a domain, or nothing.
  Done read_rest_of_address(const Words& words);

  ParseResult<Words> read_words();
  Done read_quoted_string(std::string& value);
  ParseResult<Domain> read_domain();
  Done skip_space();
  Done skip_comment();

  Cursor in_;
  std::vector<Mailbox> found_;
};

///     CFWS = (1*([FWS] comment) [FWS]) / FWS        [RFC5322 3.2.2]
Done Reader::skip_space() {
  for (;;) {
    in_.take_while(is_space);
    if (!in_.next_is('(')) return {};
    if (const Done done = skip_comment(); !done) return done;
  }
}

///     comment = "(" *([FWS] ccontent) [FWS] ")"     [RFC5322 3.2.2]
Done Reader::skip_comment() {
  const std::size_t start = in_.offset();
  std::size_t depth = 0;
  do {
    if (in_.at_end()) return in_.fail_at(start, Code::unexpected_character);
    const char c = *in_.peek();
    if (c == '(') ++depth;
    if (c == ')') --depth;
    in_.skip(c == '\\' ? 2 : 1);
  } while (depth > 0);
  return {};
}

///     quoted-string = [CFWS] DQUOTE *([FWS] qcontent) [FWS] DQUOTE [CFWS]   [RFC5322 3.2.4]
Done Reader::read_quoted_string(std::string& value) {
  const std::size_t start = in_.offset();
  in_.skip(1);
  for (;;) {
    if (in_.take('"')) return {};
    (void)in_.take('\\');
    if (in_.at_end()) return in_.fail_at(start, Code::unclosed_quoted_string);
    const char c = *in_.peek();
    in_.skip(1);
    if (c != '\r' && c != '\n') value += c;  // Of a fold, only its space counts.
  }
}

///     word = atom / quoted-string,  phrase = 1*word / obs-phrase            [RFC5322 3.2.5]
ParseResult<Words> Reader::read_words() {
  Words out;
  if (const Done done = skip_space(); !done) return std::unexpected(done.error());
  out.start = in_.offset();
  bool after_word = false;
  for (;;) {
    if (in_.take('.')) {
      out.is_local_part = out.is_local_part && after_word;
      after_word = false;
      out.value += '.';
    } else {
      const bool quoted = in_.next_is('"');
      const std::string_view atom = quoted ? "" : in_.take_while(is_atom_octet);
      if (!quoted && atom.empty()) break;
      out.value += atom;
      if (quoted) {
        if (const Done done = read_quoted_string(out.value); !done) {
          return std::unexpected(done.error());
        }
      }
      out.is_local_part = out.is_local_part && !after_word;
      after_word = true;
      ++out.count;
    }
    if (const Done done = skip_space(); !done) return std::unexpected(done.error());
  }
  out.is_local_part = out.is_local_part && after_word;
  return out;
}

///     domain = dot-atom / domain-literal / obs-domain                       [RFC5322 3.4.1]
ParseResult<Domain> Reader::read_domain() {
  if (const Done done = skip_space(); !done) return std::unexpected(done.error());
  const std::size_t start = in_.offset();
  std::string text;
  if (in_.next_is('[')) {
    text = in_.take_while([](char c) { return c != ']'; });
    if (in_.take(']')) text += ']';
    if (const Done done = skip_space(); !done) return std::unexpected(done.error());
  } else {
    for (;;) {
      text += in_.take_while(is_atom_octet);
      if (const Done done = skip_space(); !done) return std::unexpected(done.error());
      if (!in_.take('.')) break;
      text += '.';
      if (const Done done = skip_space(); !done) return std::unexpected(done.error());
    }
  }
  auto domain = Domain::parse(text);
  if (!domain) return in_.fail_at(start, domain.error().code);
  return domain;
}

Done Reader::read_rest_of_address(const Words& words) {
  if (!words.is_local_part) return in_.fail_at(words.start, Code::empty_atom);
  auto local = LocalPart::from_value(words.value);
  if (!local) return in_.fail_at(words.start, local.error().code);
  Mailbox mailbox{.local = std::move(*local), .domain = {}};
  if (in_.take('@')) {
    auto domain = read_domain();
    if (!domain) return std::unexpected(domain.error());
    mailbox.domain = std::move(*domain);
  }
  found_.push_back(std::move(mailbox));
  return {};
}

///     obs-route = obs-domain-list ":"                                       [RFC5322 4.4]
Done Reader::skip_route() {
  while (in_.take('@')) {
    if (const auto domain = read_domain(); !domain) return std::unexpected(domain.error());
    while (in_.take(',')) {
      if (const Done done = skip_space(); !done) return done;
    }
    if (in_.take(':')) return skip_space();
  }
  return in_.fail(Code::missing_colon);
}

///     angle-addr = [CFWS] "<" addr-spec ">" [CFWS] / obs-angle-addr         [RFC5322 3.4]
Done Reader::read_angle() {
  const std::size_t start = in_.offset();
  in_.skip(1);
  if (const Done done = skip_space(); !done) return done;
  if (in_.next_is('@')) {
    if (const Done done = skip_route(); !done) return done;
  }
  if (in_.next_is('>')) return in_.fail_at(start, Code::null_forward_path);
  const auto words = read_words();
  if (!words) return std::unexpected(words.error());
  if (const Done done = read_rest_of_address(*words); !done) return done;
  if (!in_.take('>')) {
    return in_.at_end() ? in_.fail(Code::missing_right_angle)
                        : in_.fail(Code::unexpected_character);
  }
  return skip_space();
}

///     group = display-name ":" [group-list] ";" [CFWS]                      [RFC5322 3.4]
Done Reader::read_group() {
  for (;;) {
    if (const Done done = read_member(true); !done) return done;
    if (in_.take(';')) return skip_space();
    if (!in_.take(',')) return in_.fail(Code::unexpected_character);
  }
}

Done Reader::read_member(bool in_group) {
  const auto words = read_words();
  if (!words) return std::unexpected(words.error());
  if (in_.next_is('<')) return read_angle();
  if (!in_group && words->count > 0 && in_.take(':')) return read_group();
  const bool ends = in_.at_end() || in_.next_is(',') || (in_group && in_.next_is(';'));
  if (ends && words->value.empty() && words->count == 0) return {};
  if (!ends && !in_.next_is('@')) return in_.fail(Code::unexpected_character);
  return read_rest_of_address(*words);
}

}  // namespace

ParseResult<std::vector<Mailbox>> parse_address_list(std::string_view text) {
  return Reader(text).read();
}

}  // namespace grammar
