#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace crypto {

/// Overwrites octets in a way that the compiler may not leave out.
void wipe(char* octets, std::size_t size) noexcept;
/// Overwrites all that the string has room for, and empties it.
void wipe(std::string& octets) noexcept;

/// Octets that nobody may see: a password, an AUTH line. Can't be printed, compared or copied by
/// accident, and is overwritten when it goes.
class Secret {
 public:
  Secret() = default;
  /// Copies; wiping the original is up to the caller.
  explicit Secret(std::string_view octets);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  [[nodiscard]] Secret clone() const { return Secret(reveal()); }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Only for calculating with it or for sending it; valid as long as this object.
  [[nodiscard]] std::string_view reveal() const { return {octets_.get(), size_}; }

 private:
  void clear() noexcept;

  std::unique_ptr<char[]> octets_;
  std::size_t size_ = 0;
};

/// In time that depends on the lengths alone.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

}  // namespace crypto
