#include "base/ascii.h"
#include "smtp/command.h"

namespace smtp {
namespace {

[[nodiscard]] auto fail(CommandErrorCode code, std::size_t offset = 0) {
  return std::unexpected(CommandError{code, offset});
}

/// Of a queue: what people call things.
[[nodiscard]] bool is_queue_name(std::string_view text) {
  if (text.empty() || text.size() > queue_name_octets_max) return false;
  for (const char c : text) {
    if (!base::is_alnum(c) && c != '-' && c != '_' && c != '.') return false;
  }
  return true;
}

}  // namespace

CommandResult<EtrnCommand> parse_etrn(std::string_view argument) {
  if (argument.empty()) return fail(CommandErrorCode::missing_argument);
  EtrnCommand out;
  const char option = argument.front();
  const std::size_t offset = option == '@' || option == '#' ? 1 : 0;
  const std::string_view name = argument.substr(offset);
  if (option == '#') {
    if (!is_queue_name(name)) return fail(CommandErrorCode::bad_argument, offset);
    out.kind = EtrnCommand::Kind::queue;
    out.queue.assign(name);
    return out;
  }
  auto domain = grammar::Domain::parse(name);
  // Names of hosts only, in the alphabet of HELO.
  const bool is_name = domain && !domain->is_literal() && base::is_ascii(name);
  if (!is_name) return fail(CommandErrorCode::bad_argument, offset);
  out.kind = option == '@' ? EtrnCommand::Kind::below : EtrnCommand::Kind::node;
  out.domain = std::move(*domain);
  return out;
}

}  // namespace smtp
