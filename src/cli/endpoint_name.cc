#include "cli/endpoint_name.h"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/ascii.h"

namespace cli {

std::expected<HostPort, std::string> HostPort::parse(std::string_view text) {
  const std::string wrong = "expected HOST:PORT, found \"" + std::string(text) + '"';
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return std::unexpected(wrong);
  const std::string_view digits = text.substr(colon + 1);
  HostPort out{.host = std::string(text.substr(0, colon))};
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), out.port);
  if (error != std::errc{} || end != digits.end() || out.port == 0) return std::unexpected(wrong);
  if (out.host.starts_with('[')) {
    if (!out.host.ends_with(']')) return std::unexpected(wrong);
    out.host = out.host.substr(1, out.host.size() - 2);
    const auto address = base::IpAddress::parse(out.host);
    if (!address || address->is_v4()) return std::unexpected(wrong);
    return out;
  }
  const bool is_name = std::ranges::all_of(out.host, [](char c) {
    return base::is_alnum(c) || c == '.' || c == '-' || c == '_' || !base::is_ascii(c);
  });
  if (out.host.empty() || !is_name) return std::unexpected(wrong);
  return out;
}

std::expected<std::vector<base::Endpoint>, std::string> find_addresses(const HostPort& name) {
  if (const auto address = base::IpAddress::parse(name.host)) {
    return std::vector<base::Endpoint>{{*address, name.port}};
  }
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_IDN;
  addrinfo* list = nullptr;
  const int failure = ::getaddrinfo(name.host.c_str(), nullptr, &wanted, &list);
  if (failure != 0) return std::unexpected(name.host + ": " + ::gai_strerror(failure));
  std::vector<base::Endpoint> out;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family == AF_INET) {
      sockaddr_in address;
      std::memcpy(&address, entry->ai_addr, sizeof address);
      std::array<std::uint8_t, 4> octets;
      std::memcpy(octets.data(), &address.sin_addr, octets.size());
      out.push_back({base::IpAddress::v4(octets), name.port});
    } else if (entry->ai_family == AF_INET6) {
      sockaddr_in6 address;
      std::memcpy(&address, entry->ai_addr, sizeof address);
      std::array<std::uint8_t, 16> octets;
      std::memcpy(octets.data(), &address.sin6_addr, octets.size());
      out.push_back({base::IpAddress::v6(octets), name.port});
    }
  }
  ::freeaddrinfo(list);
  if (out.empty()) return std::unexpected(name.host + ": no address");
  return out;
}

}  // namespace cli
