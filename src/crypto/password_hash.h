#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace crypto {

class Secret;

/// What one password check costs [RFC9106 3.1].
struct Argon2Costs {
  std::uint32_t memory_kib = 19'456;
  std::uint32_t passes = 2;
  std::uint32_t lanes = 1;

  friend bool operator==(const Argon2Costs&, const Argon2Costs&) = default;
};

// What we are ready to calculate. A hash that asks for more is refused where it is read, so that
// no account can stop the server by its login.
inline constexpr std::uint32_t argon2_memory_kib_max = 1'048'576;  ///< 1 GiB.
inline constexpr std::uint32_t argon2_passes_max = 64;
inline constexpr std::uint32_t argon2_lanes_max = 16;
/// Memory times passes: at most some seconds of one core.
inline constexpr std::uint64_t argon2_work_kib_max = 4 * std::uint64_t{argon2_memory_kib_max};
inline constexpr std::size_t argon2_salt_octets_min = 8;  // [RFC9106 3.1]
inline constexpr std::size_t argon2_salt_octets_max = 64;
inline constexpr std::size_t argon2_tag_octets_min = 16;
inline constexpr std::size_t argon2_tag_octets_max = 64;
inline constexpr std::size_t argon2_secret_octets_max = 4'096;

/// Whether a password belongs to a hash.
enum class PasswordVerdict : std::uint8_t {
  right,
  wrong,
  no_memory,  ///< We can't tell now.
};

/// The verifier of a password: argon2id, version 1.3 [RFC9106].
class PasswordHash {
 public:
  /// Takes `$argon2id$v=19$m=19456,t=2,p=1$SALT$TAG` (base 64 without padding). The error says what
  /// was expected.
  [[nodiscard]] static std::expected<PasswordHash, std::string> parse(std::string_view encoded);

  /// Of this password. nullopt when memory is short, or `secret`, `salt` or `costs` are out of
  /// bounds. The salt must be random, 16 octets [RFC9106 3.1].
  [[nodiscard]] static std::optional<PasswordHash> make(const Secret& secret, std::string_view salt,
                                                        const Argon2Costs& costs = {});

  /// A hash that no password is known for, which costs the same to check.
  [[nodiscard]] static PasswordHash decoy(const Argon2Costs& costs = {});

  /// Takes long (tens of milliseconds) and memory_kib of memory: never on a loop.
  [[nodiscard]] PasswordVerdict verify(const Secret& secret) const;

  [[nodiscard]] const Argon2Costs& costs() const { return costs_; }
  [[nodiscard]] std::string encode() const;

 private:
  Argon2Costs costs_;
  std::string salt_;
  std::string tag_;
};

}  // namespace crypto
