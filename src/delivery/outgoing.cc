#include "delivery/outgoing.h"

#include <algorithm>

#include "base/ascii.h"
#include "delivery/said_path.h"
#include "grammar/header.h"
#include "grammar/mime_seven_bit.h"
#include "grammar/path.h"

namespace delivery {

using base::Io;

namespace {

/// Reads content until `enough(text)`, or `octets_max` have been read.
template <class Enough>
[[nodiscard]] Io<std::string> read_content(spool::Spool& spool, const Letter& letter,
                                           std::size_t octets_max, Enough enough) {
  LetterContent content(spool, letter);
  std::string out;
  for (;;) {
    const auto pieces = content.next();
    if (!pieces) return std::unexpected(pieces.error());
    if (pieces->empty()) return out;
    for (const std::string_view piece : *pieces) {
      out += piece.substr(0, octets_max - out.size());
      if (out.size() == octets_max || enough(out)) return out;
    }
  }
}

template <class Path>
[[nodiscard]] std::string path_to_say(const std::string& printed) {
  if (base::is_ascii(printed)) return printed;
  const auto path = Path::parse(printed);
  if (!path || path->needs_smtputf8()) return printed;
  return path->print(grammar::DomainForm::ascii);
}

}  // namespace

std::string forward_path_to_say(const std::string& printed) {
  return path_to_say<grammar::ForwardPath>(printed);
}

std::string reverse_path_to_say(const std::string& printed) {
  return path_to_say<grammar::ReversePath>(printed);
}

Io<bool> header_needs_smtputf8(spool::Spool& spool, const Letter& letter) {
  if (!letter.envelope->eight_bit || !letter.envelope->smtputf8) return false;
  const auto text = read_content(spool, letter, header_octets_max, [](std::string_view begin) {
    return grammar::find_header_end(begin).has_value();
  });
  if (!text) return std::unexpected(text.error());
  const std::size_t end = grammar::find_header_end(*text).value_or(text->size());
  return grammar::header_needs_smtputf8(std::string_view(*text).substr(0, end));
}

Io<std::optional<std::string>> seven_bit_content(spool::Spool& spool, const Letter& letter) {
  if (letter.size > conversion_octets_max) return std::optional<std::string>();
  const auto text =
      read_content(spool, letter, conversion_octets_max, [](std::string_view) { return false; });
  if (!text) return std::unexpected(text.error());
  return grammar::to_seven_bit(*text);
}

smtp::Transaction transaction_of(const Sending& sending, std::uint32_t first) {
  const Letter& letter = sending.letter;
  smtp::Transaction out;
  out.reverse_path = reverse_path_to_say(
      said_reverse_path(sending.settings, *letter.envelope, first, sending.next_hop));
  out.ret = smtp::DsnReturn{letter.envelope->ret <= 2 ? letter.envelope->ret : std::uint8_t{0}};
  out.envid = letter.envelope->envid;
  out.size = letter.size;
  out.eight_bit = letter.envelope->eight_bit;
  out.needs_smtputf8 = !base::is_ascii(out.reverse_path);
  return out;
}

void add_recipient(const Sending& sending, std::uint32_t recipient,
                   smtp::Transaction& transaction) {
  const Letter& letter = sending.letter;
  SaidRecipient said = said_recipient(sending.settings, *letter.envelope, recipient,
                                      letter.statuses[recipient].reroute);
  transaction.forward_paths.push_back(forward_path_to_say(said.forward_path));
  transaction.dsn.push_back({letter.envelope->recipients[recipient].notify, std::move(said.orcpt)});
}

}  // namespace delivery
