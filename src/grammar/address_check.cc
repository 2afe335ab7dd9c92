#include "grammar/address_check.h"

#include <fmt/format.h>

#include "grammar/path.h"

namespace grammar {
namespace {

AddressCheck valid_path(const std::vector<Domain>& route, const Mailbox& mailbox) {
  AddressCheck check{.valid = true, .local = mailbox.local.text(), .domain = mailbox.domain.text()};
  for (const Domain& host : route) check.route.push_back(host.text());
  return check;
}

}  // namespace

AddressCheck check_address(std::string_view text, bool smtputf8) {
  const PathRules rules{.smtputf8 = smtputf8};
  if (text == "<>") return {.valid = true};
  const auto path = parse_whole(text, rules, parse_forward_path);
  if (path) return valid_path(path->route, path->mailbox);
  const auto& [code, offset] = path.error();
  return {.error = fmt::format("{} (at octet {})", describe(code), offset)};
}

}  // namespace grammar
