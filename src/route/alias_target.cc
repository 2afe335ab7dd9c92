#include "route/alias_target.h"

#include "base/ascii.h"

namespace route {

std::expected<Target, std::string> parse_alias_target(std::string_view text) {
  if (text == "/dev/null") return Target{.scheme = Scheme::discard};
  if (text.starts_with('|')) {
    const std::string_view arguments = base::trimmed(text.substr(1));
    if (!arguments.starts_with('/')) {
      return std::unexpected("expected a program by its path from / on behind |");
    }
    return Target{.scheme = Scheme::pipe, .argument = std::string(arguments)};
  }
  if (!text.starts_with('/') || text.starts_with("/dev/") || text == "/") {
    return std::unexpected("expected a file by its path from / on");
  }
  if (!text.ends_with('/')) return Target{.scheme = Scheme::mbox, .argument = std::string(text)};
  text.remove_suffix(1);
  return Target{.scheme = Scheme::maildir, .argument = std::string(text)};
}

}  // namespace route
