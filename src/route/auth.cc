#include "route/auth.h"

#include <fmt/format.h>

#include "base/crc32c.h"

namespace route {
namespace {

std::string source_of(const RouteAuth& auth) {
  if (!auth.token_file.empty()) return "token in " + auth.token_file;
  if (auth.token_command.empty()) return auth.password_file;
  std::string out = "token of " + auth.token_command.front();
  if (auth.token_command.size() == 1) return out;
  std::string arguments;
  for (const std::string& argument : auth.token_command) arguments += argument + '\0';
  return out + fmt::format(" #{:08x}", base::crc32c(arguments));
}

}  // namespace

std::string RouteAuth::print() const {
  std::string out = fmt::format("{} ({})", user, source_of(*this));
  if (!mechanism.empty()) out += " by " + mechanism;
  return out;
}

}  // namespace route
