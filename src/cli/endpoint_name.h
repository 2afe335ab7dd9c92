#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace cli {

/// `HOST:PORT` of the command line: a name, an IPv4 address, or an IPv6 address in brackets.
struct HostPort {
  std::string host;  ///< Without brackets.
  std::uint16_t port = 0;

  /// The error is for people.
  [[nodiscard]] static std::expected<HostPort, std::string> parse(std::string_view text);
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

/// Its addresses, in the order that the system prefers. Waits for the system's resolver.
[[nodiscard]] std::expected<std::vector<base::Endpoint>, std::string> find_addresses(
    const HostPort& name);

}  // namespace cli
