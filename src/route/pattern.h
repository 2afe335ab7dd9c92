#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "grammar/mailbox.h"

namespace route {

/// Addresses that a rule is for: `user@domain` | `domain` | `*.domain` (below it, not itself) |
/// `*`. Local-parts compare without case (ASCII): the rule is ours, not the receiving host's.
struct AddressPattern {
  enum class Kind : std::uint8_t { address, domain, below, any };
  Kind kind = Kind::any;
  std::string local;       ///< Of an address: the meaning of its local-part, in lower case.
  grammar::Domain domain;  ///< But of any.

  /// The error is for people.
  [[nodiscard]] static std::expected<AddressPattern, std::string> parse(std::string_view text);
  [[nodiscard]] bool matches(const grammar::Mailbox& mailbox) const;
  [[nodiscard]] std::string print() const;

  friend bool operator==(const AddressPattern&, const AddressPattern&) = default;
};

/// Reverse-paths: an AddressPattern, where `*` matches `<>` as well, or `<>` alone.
struct SenderPattern {
  bool null = false;  ///< Only `<>`.
  AddressPattern mailbox;

  [[nodiscard]] static std::expected<SenderPattern, std::string> parse(std::string_view text);
  [[nodiscard]] std::string print() const { return null ? "<>" : mailbox.print(); }

  friend bool operator==(const SenderPattern&, const SenderPattern&) = default;
};

/// Who logged in: an AddressPattern for names that are addresses (`*`: anybody who has logged in),
/// or exactly a name, without case (ASCII).
struct UserPattern {
  std::string name;                       ///< In lower case.
  std::optional<AddressPattern> mailbox;  ///< If the text is one.

  [[nodiscard]] static std::expected<UserPattern, std::string> parse(std::string_view text);
  [[nodiscard]] bool matches(std::string_view user) const;

  friend bool operator==(const UserPattern&, const UserPattern&) = default;
};

}  // namespace route
