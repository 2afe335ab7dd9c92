#include "base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <ranges>

#include "base/ascii.h"
#include "base/assert.h"

namespace base {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

IpAddress IpAddress::v4(std::array<std::uint8_t, 4> octets) {
  IpAddress out;
  std::ranges::copy(mapped_prefix, out.octets_.begin());
  std::ranges::copy(octets, out.octets_.begin() + mapped_prefix.size());
  return out;
}

IpAddress IpAddress::v6(std::array<std::uint8_t, 16> octets) {
  IpAddress out;
  out.octets_ = octets;
  return out;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  // inet_pton reads text that ends in NUL, and knows no longer spelling than 45 octets.
  char copy[INET6_ADDRSTRLEN] = {};
  if (text.size() >= sizeof copy || text.find('\0') != text.npos) return std::nullopt;
  (void)text.copy(copy, text.size());
  std::array<std::uint8_t, 4> four;
  if (inet_pton(AF_INET, copy, four.data()) == 1) return v4(four);
  std::array<std::uint8_t, 16> sixteen;
  if (inet_pton(AF_INET6, copy, sixteen.data()) == 1) return v6(sixteen);
  return std::nullopt;
}

bool IpAddress::is_v4() const {
  return std::ranges::equal(mapped_prefix, octets_ | std::views::take(mapped_prefix.size()));
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return octets_[12] == 127;
  return octets_[15] == 1 && std::ranges::count(octets_, 0) == 15;
}

std::array<std::uint8_t, 4> IpAddress::v4_octets() const {
  PH_ASSERT(is_v4());
  return {octets_[12], octets_[13], octets_[14], octets_[15]};
}

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN];
  if (is_v4()) {
    inet_ntop(AF_INET, octets_.data() + mapped_prefix.size(), text, sizeof text);
  } else {
    inet_ntop(AF_INET6, octets_.data(), text, sizeof text);
  }
  return text;
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  if (!port || !address || bracketed != (host.find(':') != host.npos)) return std::nullopt;
  return Endpoint{*address, *port};
}

std::string Endpoint::to_string() const {
  const std::string host = address.to_string();
  return (address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::optional<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const unsigned offset = address->is_v4() ? 96 : 0;
  Network out;
  out.base_ = *address;
  if (slash != text.npos) {
    const auto bits = parse_number<unsigned>(text.substr(slash + 1));
    if (!bits || *bits > 128 - offset) return std::nullopt;
    out.bits_ = *bits + offset;
  }
  for (unsigned bit = out.bits_; bit < 128; ++bit) {
    if ((address->octets()[bit / 8] >> (7 - bit % 8) & 1) != 0) return std::nullopt;
  }
  return out;
}

bool Network::contains(const IpAddress& address) const {
  const unsigned whole = bits_ / 8;
  if (!std::equal(address.octets().begin(), address.octets().begin() + whole,
                  base_.octets().begin())) {
    return false;
  }
  if (bits_ % 8 == 0) return true;
  const unsigned shift = 8 - bits_ % 8;
  return address.octets()[whole] >> shift == base_.octets()[whole] >> shift;
}

std::string Network::to_string() const {
  const unsigned offset = base_.is_v4() ? 96 : 0;
  return base_.to_string() + "/" + std::to_string(bits_ - offset);
}

}  // namespace base
