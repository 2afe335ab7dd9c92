#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace base {

/// An IPv4 or IPv6 address. IPv4 is kept as its IPv4-mapped IPv6 form [RFC4291 2.5.5.2], so that
/// the two spellings of one address are equal.
class IpAddress {
 public:
  IpAddress() = default;  ///< `::`
  [[nodiscard]] static IpAddress v4(std::array<std::uint8_t, 4> octets);
  [[nodiscard]] static IpAddress v6(std::array<std::uint8_t, 16> octets);
  /// `192.0.2.1` or `2001:db8::1`; no zone, no brackets, no port.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] bool is_loopback() const;                       ///< 127.0.0.0/8 or ::1.
  [[nodiscard]] std::array<std::uint8_t, 4> v4_octets() const;  ///< Only if is_v4().
  [[nodiscard]] const std::array<std::uint8_t, 16>& octets() const { return octets_; }
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> octets_{};
};

/// An address and a TCP or UDP port.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  /// `192.0.2.1:25` or `[2001:db8::1]:25`.
  [[nodiscard]] static std::optional<Endpoint> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

/// A block of addresses: `10.0.0.0/8`, `::1`, `2001:db8::/32`. Bits beyond the prefix must be zero.
class Network {
 public:
  [[nodiscard]] static std::optional<Network> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] std::string to_string() const;

 private:
  IpAddress base_;
  unsigned bits_ = 128;  ///< Of the IPv6 form.
};

}  // namespace base
