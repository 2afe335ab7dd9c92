#include <fmt/format.h>

#include <iterator>

#include "base/ascii.h"
#include "base/assert.h"
#include "base/escape.h"
#include "delivery/maildir.h"

namespace delivery {
namespace {

/// How many octets at the front of `rest` may stand in a file name as they are.
[[nodiscard]] std::size_t safe_octets(std::string_view rest, bool at_start) {
  const char c = rest.front();
  if (c == '/' || c == '%' || base::is_control(c) || (c == '.' && at_start)) return 0;
  return base::utf8_sequence(rest);
}

}  // namespace

std::string encoded_component(std::string_view name) {
  PH_ASSERT(!name.empty());
  std::string out;
  while (!name.empty()) {
    const std::size_t safe = safe_octets(name, out.empty());
    if (safe > 0) {
      out += name.substr(0, safe);
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(name[0]));
    }
    name.remove_prefix(safe > 0 ? safe : 1);
  }
  return out;
}

std::optional<std::string> mailbox_directory(std::string_view pattern, std::string_view local_part,
                                             std::string_view domain) {
  const std::string local = encoded_component(local_part);
  const std::string host = encoded_component(domain);
  if (local.size() > file_name_octets_max || host.size() > file_name_octets_max) {
    return std::nullopt;
  }
  std::string out;
  while (!pattern.empty()) {
    const bool is_local = pattern.starts_with("{local}");
    const bool is_domain = pattern.starts_with("{domain}");
    const std::size_t taken = is_local ? 7 : is_domain ? 8 : 1;
    out += is_local ? local : is_domain ? host : pattern.substr(0, 1);
    pattern.remove_prefix(taken);
  }
  return out;
}

}  // namespace delivery
