#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

// Fixed-width little-endian numbers and counted octets, for formats of our own on disk.
namespace base {

class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}

  template <class Number>
    requires std::is_integral_v<Number>
  void number(Number value) {
    static_assert(std::endian::native == std::endian::little);
    char octets[sizeof value];
    std::memcpy(octets, &value, sizeof value);
    out_.append(octets, sizeof value);
  }
  /// A 32-bit count, then the octets.
  void text(std::string_view octets) {
    number(static_cast<std::uint32_t>(octets.size()));
    out_.append(octets);
  }

 private:
  std::string& out_;
};

/// Reads what Encoder wrote. Input that is too short makes it fail for good: numbers are then 0 and
/// texts empty, and ok() says so, to be asked once at the end.
class Decoder {
 public:
  explicit Decoder(std::string_view in) : in_(in) {}

  template <class Number>
    requires std::is_integral_v<Number>
  [[nodiscard]] Number number() {
    Number value{};
    if (!has(sizeof value)) return value;
    std::memcpy(&value, in_.data(), sizeof value);
    in_.remove_prefix(sizeof value);
    return value;
  }
  /// Refers to the input.
  [[nodiscard]] std::string_view text() {
    const auto size = number<std::uint32_t>();
    if (!has(size)) return {};
    const std::string_view out = in_.substr(0, size);
    in_.remove_prefix(size);
    return out;
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::string_view rest() const { return in_; }

 private:
  bool has(std::size_t octets) {
    if (in_.size() < octets) ok_ = false;
    if (!ok_) in_ = {};
    return ok_;
  }

  std::string_view in_;
  bool ok_ = true;
};

}  // namespace base
