#include <cstdint>
#include <string_view>

#include "base/ascii.h"
#include "base/assert.h"
#include "grammar/path.h"
#include "grammar/xtext.h"

namespace {

/// What is accepted prints as it was read, reads again as the same, and is clean.
template <class Path>
void check(std::string_view text, grammar::PathRules rules,
           grammar::ParseResult<Path> (*parse)(grammar::Cursor&, grammar::PathRules)) {
  grammar::Cursor in(text);
  const auto path = parse(in, rules);
  if (!path) {
    PH_ASSERT(path.error().offset <= text.size());
    PH_ASSERT(!grammar::describe(path.error().code).empty());
    return;
  }
  const std::string printed = path->print();
  PH_ASSERT(printed == text.substr(0, in.offset()));
  PH_ASSERT(printed.size() <= grammar::path_octets_max);
  PH_ASSERT(rules.smtputf8 || base::is_ascii(printed));
  for (const char c : printed) PH_ASSERT(!base::is_control(c));

  PH_ASSERT(Path::parse(printed) == path);
  const std::string ascii = path->print(grammar::DomainForm::ascii);
  PH_ASSERT(path->needs_smtputf8() || base::is_ascii(ascii));
  PH_ASSERT(Path::parse(ascii) == path || ascii.size() > grammar::path_octets_max);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool smtputf8 : {false, true}) {
    check(text, {.smtputf8 = smtputf8}, grammar::parse_forward_path);
    check(text, {.smtputf8 = smtputf8}, grammar::parse_reverse_path);
  }
  if (const auto local = grammar::LocalPart::from_value(text)) PH_ASSERT(local->value() == text);
  if (const auto octets = grammar::xtext_decode(text)) {
    PH_ASSERT(grammar::xtext_decode(grammar::xtext_encode(*octets)) == octets);
  }
  return 0;
}
