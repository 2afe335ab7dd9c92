#include "route/rewrite.h"

#include <string>
#include <utility>

namespace route {
namespace {

std::optional<grammar::Mailbox> make(std::string_view local, std::string_view host) {
  auto local_part = grammar::LocalPart::from_value(local);
  auto domain = grammar::Domain::parse(host);
  if (local.empty() || !local_part || !domain || domain->is_literal()) return std::nullopt;
  return grammar::Mailbox{std::move(*local_part), std::move(*domain)};
}

}  // namespace

std::string_view to_string(Rewrite rewrite) {
  switch (rewrite) {
    case Rewrite::none: break;
    case Rewrite::percent: return "percent";
    case Rewrite::bang: return "bang";
  }
  return "none";
}

std::optional<grammar::Mailbox> rewritten(Rewrite rewrite, const grammar::Mailbox& mailbox) {
  const std::string& local = mailbox.local.value();
  switch (rewrite) {
    case Rewrite::none: break;
    case Rewrite::percent:
      if (const std::size_t sign = local.rfind('%'); sign != local.npos) {
        return make(std::string_view(local).substr(0, sign),
                    std::string_view(local).substr(sign + 1));
      }
      break;
    case Rewrite::bang:
      if (const std::size_t sign = local.find('!'); sign != local.npos) {
        return make(std::string_view(local).substr(sign + 1),
                    std::string_view(local).substr(0, sign));
      }
      break;
  }
  return std::nullopt;
}

}  // namespace route
