#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace dns {

/// In octets, as text without the last dot [RFC1035 2.3.4].
inline constexpr std::size_t name_octets_max = 253;
inline constexpr std::size_t label_octets_max = 63;

/// A domain name: lower case, without the last dot; the root is "". Any octet may stand in a label
/// but `.`, NUL and controls (a wire name with such an octet is refused, so that text stays exact).
class Name {
 public:
  Name() = default;  ///< The root.
  /// Takes `example.org`, `example.org.`, `.`; refuses empty or too long labels and names.
  [[nodiscard]] static std::optional<Name> parse(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool is_root() const { return text_.empty(); }
  /// Equal to `parent` or below it.
  [[nodiscard]] bool is_within(const Name& parent) const;
  /// Without the first label; the root's is the root.
  [[nodiscard]] Name parent() const;

  friend auto operator<=>(const Name&, const Name&) = default;

 private:
  std::string text_;
};

}  // namespace dns

template <>
struct std::hash<dns::Name> {
  std::size_t operator()(const dns::Name& name) const noexcept {
    return std::hash<std::string>{}(name.text());
  }
};
